// A file seen as memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace rl::language {

// Mapped privately and read-only for as long as the object lives; pages are read when touched.
// The length is taken once, when the file is opened. A writer that replaces the file by renaming
// another over it (as save_model does) leaves this one as it was; one that shortens it in place
// makes touching the lost pages a SIGBUS: model files must not be edited in place while in use.
// Threads: immutable.
class MappedFile {
 public:
  // Throws Error naming the path when it is missing, not a regular file, or cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> data() const { return data_; }

 private:
  std::span<const std::byte> data_;
};

}  // namespace rl::language
