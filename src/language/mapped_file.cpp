#include "src/language/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "rl/core/error.h"

namespace rl::language {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error({.where = path.string(), .what = what, .remedy = "check the path"});
}

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      // O_NONBLOCK: opening a pipe must not wait for a writer.
      : handle_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (handle_ < 0) fail(path, std::string("cannot open the file: ") + std::strerror(errno));
  }
  ~Descriptor() { ::close(handle_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int handle() const { return handle_; }

 private:
  int handle_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.handle(), &status) < 0 || !S_ISREG(status.st_mode)) {
    fail(path, "this is not a regular file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.handle(), 0);
  if (memory == MAP_FAILED) {
    fail(path, std::string("cannot map the file: ") + std::strerror(errno));
  }
  data_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!data_.empty()) ::munmap(const_cast<std::byte*>(data_.data()), data_.size());
}

}  // namespace rl::language
