// A file system that fails on demand.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rl/formats/files.h"

namespace rl::tests {

enum class Fault {
  no_space,     // ENOSPC
  io_error,     // EIO
  short_write,  // one byte is written, the next call fails with ENOSPC
  interrupted,  // EINTR, once: not a failure at all
  kill,         // throws Killed: nothing after this call happens, as after kill -9
};

struct Killed {};

// Passes everything to the real files, except that call number `fail_at` (from 1; 0: none), counted
// over all operations, fails. Nothing is really fsynced: no test pulls the plug.
// `calls` lists them, e.g. "sync", "rename 5.partial 5".
class FaultyFiles final : public FileSystem {
 public:
  explicit FaultyFiles(std::size_t fail_at = 0, Fault fault = Fault::io_error)
      : fail_at_(fail_at), fault_(fault) {}

  bool failed() const { return calls.size() >= fail_at_ && fail_at_ > 0; }
  std::vector<std::string> calls;

  int open(const std::filesystem::path& path, int flags) override {
    return fails("open " + path.filename().string()) ? -1 : FileSystem::open(path, flags);
  }
  std::ptrdiff_t read(int file, std::span<std::byte> into) override {
    return fails("read") ? -1 : FileSystem::read(file, into);
  }
  std::ptrdiff_t write(int file, std::span<const std::byte> data) override {
    if (!fails("write")) return FileSystem::write(file, data);
    if (fault_ != Fault::short_write || data.size() < 2) return -1;
    ++fail_at_;  // the rest fails
    return FileSystem::write(file, data.first(1));
  }
  int sync(int) override { return fails("sync") ? -1 : 0; }
  int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    const auto call = "rename " + from.filename().string() + " " + to.filename().string();
    return fails(call) ? -1 : FileSystem::rename(from, to);
  }
  int exchange(const std::filesystem::path& a, const std::filesystem::path& b) override {
    const auto call = "exchange " + a.filename().string() + " " + b.filename().string();
    return fails(call) ? -1 : FileSystem::exchange(a, b);
  }
  int remove(const std::filesystem::path& path) override {
    return fails("remove " + path.filename().string()) ? -1 : FileSystem::remove(path);
  }
  int make_folder(const std::filesystem::path& path) override {
    const auto call = "make_folder " + path.filename().string();
    return fails(call) ? -1 : FileSystem::make_folder(path);
  }

 private:
  bool fails(const std::string& call) {
    calls.push_back(call);
    if (fault_ == Fault::kill && failed()) throw Killed();
    if (calls.size() != fail_at_) return false;
    errno = fault_ == Fault::io_error ? EIO : fault_ == Fault::interrupted ? EINTR : ENOSPC;
    return true;
  }

  std::size_t fail_at_;
  Fault fault_;
};

}  // namespace rl::tests
