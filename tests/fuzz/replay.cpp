// fuzz_replay: the kept inputs, and a number of seeded changes to them, through every target. Needs
// neither clang nor libFuzzer, so every run of the tests can afford it. An input that ends the
// program is left in the file that --last names.
//
// usage: fuzz_replay FOLDER... [--mutations N] [--seed S] [--target NAME] [--last FILE]
//
// FOLDER/<target>/ holds a target's inputs; FOLDERs without one are passed over.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>

#include "fuzz/mutator.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
namespace fs = std::filesystem;

constexpr std::size_t kMaxMutatedBytes = 4096;

struct Settings {
  std::vector<fs::path> folders{};
  std::uint64_t mutations = 0;  // per target
  std::uint64_t seed = 1;
  std::string target{};  // empty: all
  fs::path last{};
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      settings.folders.emplace_back(word);
    } else if (i + 1 == argc) {
      throw Error({.where = "fuzz_replay", .what = word + " needs a value"});
    } else if (word == "--mutations") {
      settings.mutations = std::stoull(argv[++i]);
    } else if (word == "--seed") {
      settings.seed = std::stoull(argv[++i]);
    } else if (word == "--target") {
      settings.target = argv[++i];
    } else if (word == "--last") {
      settings.last = argv[++i];
    } else {
      throw Error({.where = "fuzz_replay", .what = "unknown option " + word});
    }
  }
  return settings;
}

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<Bytes> corpus_of(const Target& target, const std::vector<fs::path>& folders) {
  std::vector<fs::path> paths;
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder / target.name)) continue;
    for (const auto& entry : fs::directory_iterator(folder / target.name)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths, {}, [](const fs::path& path) { return path.filename().string(); });
  std::vector<Bytes> corpus;
  for (const fs::path& path : paths) corpus.push_back(read(path));
  return corpus;
}

// The file of the input at hand. It stays open: one that is cut to nothing and closed is written to
// the disk by some file systems, hundreds of thousands of times here.
class LastInput {
 public:
  explicit LastInput(const fs::path& name) {
    if (name.empty()) return;
    file_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw Error({.where = name.string(), .what = "cannot be written"});
  }
  ~LastInput() {
    if (file_ >= 0) close(file_);
  }
  LastInput(const LastInput&) = delete;
  LastInput& operator=(const LastInput&) = delete;

  void keep(const Bytes& input) const {
    if (file_ < 0) return;
    const auto size = static_cast<off_t>(input.size());
    if (pwrite(file_, input.data(), input.size(), 0) == size && ftruncate(file_, size) == 0) return;
    throw Error({.where = "fuzz_replay --last", .what = "the input was not written to the end"});
  }

 private:
  int file_ = -1;
};

void run(const Target& target, const Bytes& input, const LastInput& last) {
  last.keep(input);
  target.run(input);
}

void run_all(const Target& target, const Settings& settings, const LastInput& last) {
  const std::vector<Bytes> corpus = corpus_of(target, settings.folders);
  const std::string name(target.name);
  if (corpus.empty()) throw Error({.where = name, .what = "there are no inputs for this target"});
  std::printf("%-20s", name.c_str());
  std::fflush(stdout);  // whoever ends the program is named
  run(target, {}, last);
  for (const Bytes& input : corpus) run(target, input, last);
  RngStream random(settings.seed, RngRole::test, std::hash<std::string>{}(name));
  for (std::uint64_t i = 0; i < settings.mutations; ++i) {
    run(target, mutate(corpus[i % corpus.size()], corpus, kMaxMutatedBytes, random), last);
  }
  std::printf("%5zu kept, %llu changed\n", corpus.size(),
              static_cast<unsigned long long>(settings.mutations));
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
constexpr std::size_t kMaxAllocationBytes = std::size_t{64} << 20;

// As libFuzzer's -malloc_limit_mb: no input that fits a message may ask for so much.
void* operator new(std::size_t size) {
  if (size > kMaxAllocationBytes) {
    std::fprintf(stderr, "an input asks for %zu bytes at once\n", size);
    std::abort();
  }
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

int main(int argc, char** argv) {
  try {
    const Settings settings = parse(argc, argv);
    const LastInput last(settings.last);
    bool any = false;
    for (const Target& target : targets()) {
      if (!settings.target.empty() && target.name != settings.target) continue;
      run_all(target, settings, last);
      any = true;
    }
    if (!any) throw Error({.where = "fuzz_replay", .what = "no target is called " + settings.target});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
