// iofault: a library that makes the n-th system call of an unchanged program fail. Preload it:
//
//   IOFAULT_PATH=/run/folder IOFAULT_AT=7 IOFAULT_KIND=ENOSPC LD_PRELOAD=libiofault.so corral train
//
//   IOFAULT_PATH   only calls on paths that contain this text; empty: on all
//   IOFAULT_CALLS  which calls count, of: open read write fsync rename mkdir remove truncate mmap
//                  malloc; default: all that change files (open write fsync rename mkdir remove
//                  truncate)
//   IOFAULT_AT     the number, from 1, of the first one that fails; 0: none
//   IOFAULT_COUNT  how many in a row fail, default 1; 0: all from there on
//   IOFAULT_KIND   ENOSPC, EIO, EINTR, ENOMEM, short (of a write: half of it is done, the next one
//                  fails with ENOSPC) or exit (the process ends at once, with status 86, as if
//                  killed before the call)
//   IOFAULT_LOG    a file to which every counted call is appended: "7 rename a -> b", "failed"
//                  behind those that were made to fail
//
// malloc has no path: those calls count from the first file call that matches IOFAULT_PATH on. New
// processes of the program count from 1 again. Calls made inside the C library (stdio's writes) are
// not seen, opening with fopen is.
// Threads: any. Calls go to the kernel directly; nothing here allocates.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

constexpr int kExitStatus = 86;

const char* setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

int error_named(const char* kind) {
  if (std::strcmp(kind, "EIO") == 0) return EIO;
  if (std::strcmp(kind, "EINTR") == 0) return EINTR;
  if (std::strcmp(kind, "ENOMEM") == 0) return ENOMEM;
  return ENOSPC;
}

struct Plan {
  const char* path = setting("IOFAULT_PATH", "");
  const char* calls =
      setting("IOFAULT_CALLS", "open write fsync rename mkdir remove truncate");
  const char* kind = setting("IOFAULT_KIND", "EIO");
  unsigned long at = std::strtoul(setting("IOFAULT_AT", "0"), nullptr, 10);
  unsigned long count = std::strtoul(setting("IOFAULT_COUNT", "1"), nullptr, 10);
  const char* log = setting("IOFAULT_LOG", nullptr);
  int error = error_named(kind);
  bool exits = std::strcmp(kind, "exit") == 0;
  bool halves = std::strcmp(kind, "short") == 0;

  bool counts(const char* call) const { return std::strstr(calls, call) != nullptr; }
  bool covers(unsigned long number) const {
    return at > 0 && number >= at && (count == 0 || number - at < count);
  }
};

const Plan& plan() {
  static const Plan the_plan;
  return the_plan;
}

std::atomic<unsigned long> num_calls{0};
std::atomic<bool> path_seen{false};
std::atomic<bool> was_halved{false};  // the call before

void append_to_log(unsigned long number, const char* call, const char* path, const char* to,
                   const char* fate) {
  char line[2 * PATH_MAX + 64];
  const int length = std::snprintf(line, sizeof(line), "%lu %s %s%s%s%s\n", number, call, path,
                                   *to != '\0' ? " -> " : "", to, fate);
  const auto file = static_cast<int>(syscall(SYS_openat, AT_FDCWD, plan().log,
                                             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (file < 0) return;
  syscall(SYS_write, file, line, static_cast<std::size_t>(length));
  syscall(SYS_close, file);
}

enum class Fate { passes, fails, halves };

Fate fate_of(const char* call, const char* path, const char* to = "") {
  const Plan& the = plan();
  const bool to_matches = *to != '\0' && std::strstr(to, the.path) != nullptr;
  const bool matches = to_matches || std::strstr(path, the.path) != nullptr;
  if (matches) path_seen = true;
  if (!matches || !the.counts(call)) return Fate::passes;
  const unsigned long number = ++num_calls;
  const bool halved = the.halves && the.covers(number) && std::strcmp(call, "write") == 0;
  const bool fails = the.halves ? was_halved.exchange(halved) : the.covers(number);
  if (the.log != nullptr) {
    append_to_log(number, call, path, to, halved ? " halved" : fails ? " failed" : "");
  }
  if (fails && the.exits) syscall(SYS_exit_group, kExitStatus);
  if (halved) return Fate::halves;
  if (fails) errno = the.error;
  return fails ? Fate::fails : Fate::passes;
}

bool memory_fails(const char* call) {
  const Plan& the = plan();
  if (!path_seen || !the.counts(call)) return false;
  if (!the.covers(++num_calls)) return false;
  if (the.exits) syscall(SYS_exit_group, kExitStatus);
  errno = ENOMEM;
  return true;
}

struct PathOf {
  explicit PathOf(int file) {
    char link[32];
    std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    const auto length = syscall(SYS_readlinkat, AT_FDCWD, link, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
  }
  char text[PATH_MAX];
};

int open_path(int folder, const char* path, int flags, unsigned mode) {
  if (fate_of("open", path) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

unsigned mode_in(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
}

int rename_paths(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (fate_of("rename", from, to) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

}  // namespace

// The C library's own names and types.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_path(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_path(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_path(folder, path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  static const auto next = reinterpret_cast<FILE* (*)(const char*, const char*)>(
      dlsym(RTLD_NEXT, "fopen"));
  return fate_of("open", path) == Fate::passes ? next(path, mode) : nullptr;
}

FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }

ssize_t read(int file, void* into, size_t bytes) {
  if (plan().counts("read") && fate_of("read", PathOf(file).text) != Fate::passes) return -1;
  return syscall(SYS_read, file, into, bytes);
}

ssize_t write(int file, const void* data, size_t bytes) {
  const Fate fate = fate_of("write", PathOf(file).text);
  if (fate == Fate::fails) return -1;
  return syscall(SYS_write, file, data, fate == Fate::halves ? (bytes + 1) / 2 : bytes);
}

int fsync(int file) {
  if (fate_of("fsync", PathOf(file).text) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_fsync, file));
}

int fdatasync(int file) {
  if (fate_of("fsync", PathOf(file).text) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_fdatasync, file));
}

int rename(const char* from, const char* to) {
  return rename_paths(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return rename_paths(from_folder, from, to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  if (fate_of("mkdir", path) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int unlink(const char* path) {
  if (fate_of("remove", path) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int rmdir(const char* path) {
  if (fate_of("remove", path) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

int remove(const char* path) {
  if (fate_of("remove", path) != Fate::passes) return -1;
  if (syscall(SYS_unlinkat, AT_FDCWD, path, 0) == 0) return 0;
  if (errno != EISDIR) return -1;
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

int truncate(const char* path, off_t size) {
  if (fate_of("truncate", path) != Fate::passes) return -1;
  return static_cast<int>(syscall(SYS_truncate, path, size));
}

int truncate64(const char* path, off_t size) { return truncate(path, size); }

void* mmap(void* where, size_t bytes, int protection, int flags, int file, off_t offset) {
  const bool of_file = (flags & MAP_ANONYMOUS) == 0;
  const bool fails = of_file && plan().counts("mmap") &&
                     fate_of("mmap", PathOf(file).text) != Fate::passes;
  if (fails) return MAP_FAILED;
  return reinterpret_cast<void*>(
      syscall(SYS_mmap, where, bytes, protection, flags, file, offset));
}

void* mmap64(void* where, size_t bytes, int protection, int flags, int file, off_t offset) {
  return mmap(where, bytes, protection, flags, file, offset);
}

void* malloc(size_t bytes) { return memory_fails("malloc") ? nullptr : __libc_malloc(bytes); }

void* calloc(size_t count, size_t bytes) {
  return memory_fails("malloc") ? nullptr : __libc_calloc(count, bytes);
}

void* realloc(void* old, size_t bytes) {
  return memory_fails("malloc") ? nullptr : __libc_realloc(old, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  return memory_fails("malloc") ? nullptr : __libc_memalign(alignment, bytes);
}

int posix_memalign(void** result, size_t alignment, size_t bytes) {
  if (memory_fails("malloc")) return ENOMEM;
  *result = __libc_memalign(alignment, bytes);
  return *result == nullptr ? ENOMEM : 0;
}

}  // extern "C"
