// fuzz_replay: the kept inputs, and a number of seeded changes to them, through every target. Needs
// neither clang nor libFuzzer, so every run of the tests can afford it. An input that ends the
// program is left in the file that --last names.
//
// usage: fuzz_replay FOLDER... [--mutations N] [--seed S] [--target NAME] [--last FILE]
//
// FOLDER/<target>/ holds a target's inputs; FOLDERs without one are passed over.
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

void run(const Target& target, const Bytes& input, const Settings& settings) {
  if (!settings.last.empty()) {
    std::ofstream file(settings.last, std::ios::binary);
    file.write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
  }
  target.run(input);
}

void run_all(const Target& target, const Settings& settings) {
  const std::vector<Bytes> corpus = corpus_of(target, settings.folders);
  const std::string name(target.name);
  if (corpus.empty()) throw Error({.where = name, .what = "there are no inputs for this target"});
  std::printf("%-20s", name.c_str());
  std::fflush(stdout);  // whoever ends the program is named
  run(target, {}, settings);
  for (const Bytes& input : corpus) run(target, input, settings);
  RngStream random(settings.seed, RngRole::test, std::hash<std::string>{}(name));
  for (std::uint64_t i = 0; i < settings.mutations; ++i) {
    run(target, mutate(corpus[i % corpus.size()], corpus, kMaxMutatedBytes, random), settings);
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
    bool any = false;
    for (const Target& target : targets()) {
      if (!settings.target.empty() && target.name != settings.target) continue;
      run_all(target, settings);
      any = true;
    }
    if (!any) throw Error({.where = "fuzz_replay", .what = "no target is called " + settings.target});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
