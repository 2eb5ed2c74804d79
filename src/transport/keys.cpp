#include "rl/transport/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <zmq.hpp>

#include "rl/core/error.h"

namespace rl::transport {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyLength = 40;
constexpr std::size_t kMaxFileBytes = 4096;

[[noreturn]] void fail(const fs::path& path, const std::string& what, const std::string& remedy,
                       const std::string& got = {}) {
  throw Error({.where = path.string(), .what = what, .got = got, .remedy = remedy});
}

void create(const fs::path& path, const std::string& text, mode_t mode) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) {
    fail(path, "cannot be created",
         errno == EEXIST ? "it exists and keys are never overwritten: move it away first"
                         : "check the folder and its permissions",
         std::strerror(errno));
  }
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = fsync(file) == 0;
  if (close(file) != 0 || !written || !synced) {
    fs::remove(path);
    fail(path, "cannot be written", "check the space left on the disk");
  }
}

void make_folder(const fs::path& path) {
  std::error_code error;
  const bool is_new = fs::create_directories(path, error);
  if (error) fail(path, "cannot be created", "check the path", error.message());
  if (is_new) fs::permissions(path, fs::perms::owner_all);
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes, '\0');
  if (!file) fail(path, "cannot be read", "make keys with `corral keygen DIR`");
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// The word behind `label` at the start of a line.
std::string find_key(const fs::path& path, const std::string& text, const std::string& label) {
  const std::string start = label + " ";
  const std::size_t at = text.starts_with(start) ? 0 : text.find("\n" + start);
  std::array<std::uint8_t, 32> raw{};
  if (at != std::string::npos) {
    const std::size_t begin = text.find(start, at) + start.size();
    const std::string key = text.substr(begin, text.find('\n', begin) - begin);
    if (key.size() == kKeyLength && zmq_z85_decode(raw.data(), key.c_str()) != nullptr) return key;
  }
  fail(path, "holds no " + label + " key", "expected a line '" + label + " ' and 40 characters");
}

KeyPair load_pair(const fs::path& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    fail(path, "cannot be read", "make keys with `corral keygen DIR`", std::strerror(errno));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    fail(path, "holds a secret that other users may read or change",
         "chmod 600 " + path.string() + ", and make a new key if others had access");
  }
  const std::string text = read(path);
  return {find_key(path, text, "public"), find_key(path, text, "secret")};
}

std::string load_public(const fs::path& path) { return find_key(path, read(path), "public"); }

void save_pair(const fs::path& path, const KeyPair& keys) {
  create(path, "public " + keys.public_key + "\nsecret " + keys.secret_key + "\n", 0600);
}

void save_public(const fs::path& path, const KeyPair& keys) {
  create(path, "public " + keys.public_key + "\n", 0644);
}

void check_name(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= 64 && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return;
  }
  throw Error({.where = "keygen",
               .what = "not a worker name",
               .expected = "1 to 64 letters, digits, '-', '_' or '.'",
               .got = "'" + name + "'"});
}

}  // namespace

KeyPair generate_key_pair() {
  std::array<char, kKeyLength + 1> public_key{};
  std::array<char, kKeyLength + 1> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    throw Error({.where = "generate_key_pair",
                 .what = "this libzmq has no encryption",
                 .remedy = "install a libzmq built with libsodium"});
  }
  return {public_key.data(), secret_key.data()};
}

void make_keys(const fs::path& folder, const std::string& worker_name) {
  check_name(worker_name);
  make_folder(folder);
  make_folder(folder / "allowed_workers");
  if (!fs::exists(folder / "learner.key")) {
    const KeyPair learner = generate_key_pair();
    save_pair(folder / "learner.key", learner);
    save_public(folder / "learner.pub", learner);
  }
  const KeyPair worker = generate_key_pair();
  save_pair(folder / ("worker-" + worker_name + ".key"), worker);
  save_public(folder / "allowed_workers" / (worker_name + ".pub"), worker);
}

std::vector<std::string> load_allowed_workers(const fs::path& folder) {
  std::vector<std::string> workers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".pub") workers.push_back(load_public(entry.path()));
  }
  if (error) {
    fail(folder, "cannot be listed", "make keys with `corral keygen DIR`", error.message());
  }
  std::sort(workers.begin(), workers.end());
  return workers;
}

void use_keys(LearnerOptions& options, const fs::path& folder) {
  KeyPair keys = load_pair(folder / "learner.key");
  const fs::path allowed = folder / "allowed_workers";
  load_allowed_workers(allowed);  // the learner reads them itself; here they are checked
  options.keys = std::move(keys);
  options.allowed_folder = allowed.string();
}

void use_keys(WorkerOptions& options, const fs::path& worker_key_file,
              const fs::path& learner_pub_file) {
  KeyPair keys = load_pair(worker_key_file);
  options.learner_key = load_public(learner_pub_file);
  options.keys = std::move(keys);
}

}  // namespace rl::transport
