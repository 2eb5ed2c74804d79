// Whole files in, whole files out: a reader sees the old bytes or the new ones, never a mixture.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rl/core/bytes.h"

namespace rl {

// The operations on files that can fail, one virtual per system call, so that a test can make the
// n-th of them fail. Results are those of POSIX: -1 and errno on failure.
// Threads: calls may come from any thread at once.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual int open(const std::filesystem::path& path, int flags);  // new files: mode 0666 & ~umask
  virtual std::ptrdiff_t read(int file, std::span<std::byte> into);
  virtual std::ptrdiff_t write(int file, std::span<const std::byte> data);  // may write less
  virtual int sync(int file);                                               // fsync
  virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
  // Two names change places at once; EINVAL or ENOSYS where the file system cannot do it.
  virtual int exchange(const std::filesystem::path& a, const std::filesystem::path& b);
  virtual int remove(const std::filesystem::path& path);  // a file or an empty folder
  virtual int make_folder(const std::filesystem::path& path);
};

FileSystem& posix_files();  // the machine's own

// Replaces or makes the file: written to `.<name>.partial` beside it, fsynced, renamed, and the
// folder fsynced. One writer per path at a time; readers at any time.
// Throws Error naming the path, the system's reason and what to do. After a failure the old file
// is as it was (or, when only the folder's fsync failed, the new one stands, perhaps not for good)
// and the partial file is gone.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> data,
                           FileSystem& files = posix_files());

// Makes a new file (an existing one is replaced in place) and fsyncs it. For files inside a folder
// that nobody reads yet. Throws Error; what is there after a failure is unspecified.
void write_file(const std::filesystem::path& path, std::span<const std::byte> data,
                FileSystem& files = posix_files());

// The same for what is not in memory at once: `next` gives the pieces, an empty one ends the file.
void write_pieces(const std::filesystem::path& path,
                  const std::function<std::span<const std::byte>()>& next,
                  FileSystem& files = posix_files());

// Appends in one go. Throws Error; after a failure a part of `data` may have been written.
void append_file(const std::filesystem::path& path, std::span<const std::byte> data,
                 FileSystem& files = posix_files());

// Makes what was created, renamed or removed in this folder last. Throws Error.
void sync_folder(const std::filesystem::path& folder, FileSystem& files = posix_files());

// Makes the folder and those above it; existing ones are fine. Throws Error.
void make_folders(const std::filesystem::path& folder, FileSystem& files = posix_files());

void rename_path(const std::filesystem::path& from, const std::filesystem::path& to,
                 FileSystem& files = posix_files());

// Two files or folders change places at once. False, with nothing changed, where the file system
// cannot do it. Throws Error.
bool exchange_paths(const std::filesystem::path& a, const std::filesystem::path& b,
                    FileSystem& files = posix_files());

// The names of what is in the folder, in no order; none when there is no such folder. Throws Error.
std::vector<std::string> list_folder(const std::filesystem::path& folder);

// Removes a file, or a folder with what is in it; nothing there is fine. Throws Error, and some of
// a folder may be gone then.
void remove_path(const std::filesystem::path& path, FileSystem& files = posix_files());

// The whole file. Throws Error when it is missing, not a regular file or longer than `max_bytes`.
Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes,
                FileSystem& files = posix_files());

}  // namespace rl
