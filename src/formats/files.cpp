#include "rl/formats/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr mode_t kNewFileMode = 0666;
constexpr mode_t kNewFolderMode = 0777;

const char* remedy_for(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a folder this user may write to";
    case ENOENT:
      return "check the path";
    case EMFILE:
    case ENFILE:
      return "allow more open files (ulimit -n)";
    case ENOMEM:
      return "free some memory";
    case EIO:
      return "check the disk (dmesg); do not trust this file";
    default:
      return "check the path and the disk";
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what, int reason) {
  throw Error({.where = path.string(),
               .what = what + ": " + std::strerror(reason),
               .remedy = remedy_for(reason)});
}

template <class Call>
auto retry_interrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Closes on destruction: what must have reached the disk was fsynced before.
class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, int flags, FileSystem& files)
      : path_(path), files_(files) {
    handle_ = retry_interrupted([&] { return files_.open(path_, flags | O_CLOEXEC); });
    if (handle_ < 0) fail(path_, "cannot open the file", errno);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(handle_); }

  void write(std::span<const std::byte> data) {
    while (!data.empty()) {
      const auto written = retry_interrupted([&] { return files_.write(handle_, data); });
      if (written < 0) fail(path_, "cannot write the file", errno);
      if (written == 0) fail(path_, "cannot write the file", ENOSPC);
      data = data.subspan(static_cast<std::size_t>(written));
    }
  }

  // After a failed fsync the kernel may call lost pages clean, so a second try proves nothing.
  void sync() {
    if (files_.sync(handle_) < 0) fail(path_, "cannot bring the file to the disk", errno);
  }

  Bytes read_at_most(std::size_t max_bytes) {
    Bytes data(size(max_bytes));
    std::size_t filled = 0;
    while (filled < data.size()) {
      const auto got =
          retry_interrupted([&] { return files_.read(handle_, std::span(data).subspan(filled)); });
      if (got < 0) fail(path_, "cannot read the file", errno);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    data.resize(filled);
    return data;
  }

  int handle() const { return handle_; }

 private:
  std::size_t size(std::size_t max_bytes) const {
    struct stat status {};
    if (::fstat(handle_, &status) < 0) fail(path_, "cannot read the file", errno);
    const auto bytes = static_cast<std::size_t>(status.st_size);
    if (S_ISREG(status.st_mode) && bytes <= max_bytes) return bytes;
    throw Error({.where = path_.string(),
                 .what = "not a file that can be read",
                 .expected = "a regular file of at most " + std::to_string(max_bytes) + " bytes",
                 .got = S_ISREG(status.st_mode) ? std::to_string(bytes) + " bytes" : "another kind",
                 .remedy = "check the path"});
  }

  std::filesystem::path path_;
  FileSystem& files_;
  int handle_ = -1;
};

bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(std::filesystem::symlink_status(path, ignored));
}

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

int FileSystem::open(const std::filesystem::path& path, int flags) {
  return ::open(path.c_str(), flags, kNewFileMode);
}

std::ptrdiff_t FileSystem::read(int file, std::span<std::byte> into) {
  return ::read(file, into.data(), into.size());
}

std::ptrdiff_t FileSystem::write(int file, std::span<const std::byte> data) {
  return ::write(file, data.data(), data.size());
}

int FileSystem::sync(int file) {
  return ::fsync(file);
}

int FileSystem::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::rename(from.c_str(), to.c_str());
}

int FileSystem::exchange(const std::filesystem::path& a, const std::filesystem::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
}

int FileSystem::remove(const std::filesystem::path& path) {
  return ::remove(path.c_str());
}

int FileSystem::make_folder(const std::filesystem::path& path) {
  return ::mkdir(path.c_str(), kNewFolderMode);
}

FileSystem& posix_files() {
  static FileSystem files;
  return files;
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> data,
                           FileSystem& files) {
  const auto partial = parent_of(path) / ("." + path.filename().string() + ".partial");
  try {
    write_file(partial, data, files);
    rename_path(partial, path, files);
  } catch (const Error&) {
    files.remove(partial);
    throw;
  }
  sync_folder(parent_of(path), files);
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> data,
                FileSystem& files) {
  OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, files);
  file.write(data);
  file.sync();
}

void write_pieces(const std::filesystem::path& path,
                  const std::function<std::span<const std::byte>()>& next, FileSystem& files) {
  OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, files);
  for (auto piece = next(); !piece.empty(); piece = next()) file.write(piece);
  file.sync();
}

void append_file(const std::filesystem::path& path, std::span<const std::byte> data,
                 FileSystem& files) {
  OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, files).write(data);
}

void sync_folder(const std::filesystem::path& folder, FileSystem& files) {
  const OpenFile file(folder, O_RDONLY | O_DIRECTORY, files);
  if (files.sync(file.handle()) == 0) return;
  // Some file systems keep folders in step by themselves and know no such call.
  if (errno == EINVAL || errno == ENOTSUP) return;
  fail(folder, "cannot bring the folder to the disk", errno);
}

void make_folders(const std::filesystem::path& folder, FileSystem& files) {
  if (folder.empty() || is_folder(folder)) return;
  make_folders(folder.parent_path(), files);
  if (files.make_folder(folder) == 0 || errno == EEXIST) return;
  fail(folder, "cannot make the folder", errno);
}

void rename_path(const std::filesystem::path& from, const std::filesystem::path& to,
                 FileSystem& files) {
  if (files.rename(from, to) < 0) fail(to, "cannot put the new file in its place", errno);
}

bool exchange_paths(const std::filesystem::path& a, const std::filesystem::path& b,
                    FileSystem& files) {
  if (files.exchange(a, b) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) return false;
  fail(b, "cannot put the new one in its place", errno);
}

// Not by std::filesystem: its iterator ends the program when memory runs out.
std::vector<std::string> list_folder(const std::filesystem::path& folder) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0 && errno == ENOENT) return {};
  if (handle < 0) fail(folder, "cannot list the folder", errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(handle), &::closedir);
  if (!listing) {
    const int reason = errno;
    ::close(handle);
    fail(folder, "cannot list the folder", reason);
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) fail(folder, "cannot list the folder", errno);
    if (entry == nullptr) return names;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

void remove_path(const std::filesystem::path& path, FileSystem& files) {
  if (is_folder(path)) {
    for (const std::string& name : list_folder(path)) remove_path(path / name, files);
  }
  if (files.remove(path) < 0 && errno != ENOENT) fail(path, "cannot remove", errno);
}

Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes, FileSystem& files) {
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  return OpenFile(path, O_RDONLY | O_NONBLOCK, files).read_at_most(max_bytes);
}

}  // namespace rl
