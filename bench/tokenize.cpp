// bench_tokenize FOLDER FILE...: how fast the tokenizer of a model folder encodes these files, on one
// core. bench/tokenize_peer.py does the same with the package `tokenizers`.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "rl/core/error.h"
#include "rl/text/tokenizer.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 7;

std::string read_text(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw rl::Error({.where = path, .what = "cannot be read"});
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The best of some rounds: other work on the machine only ever adds time.
template <class Work>
double best_seconds(Work work) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void measure(const rl::text::Tokenizer& tokenizer, const char* path) {
  const std::string text = read_text(path);
  const std::vector<std::string> lines = lines_of(text);
  std::vector<rl::text::TokenId> ids;
  const double whole = best_seconds([&] { ids = tokenizer.encode(text, false); });
  const double by_line = best_seconds([&] {
    for (const std::string& line : lines) tokenizer.encode(line, false);
  });
  std::string decoded;
  const double decoding = best_seconds([&] { decoded = tokenizer.decode(ids); });
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::printf("%-28.28s %7.2f %9zu %9.1f %9.1f %9.1f\n", path, megabytes, ids.size(),
              megabytes / whole, megabytes / by_line, megabytes / decoding);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: bench_tokenize FOLDER-OF-tokenizer.json FILE...\n");
    return 2;
  }
  try {
    const auto tokenizer = rl::text::Tokenizer::load(arguments[1]);
    std::printf("%-28s %7s %9s %9s %9s %9s\n", "MB/s, one core", "MB", "tokens", "encode",
                "by line", "decode");
    for (int i = 2; i < count; ++i) measure(tokenizer, arguments[i]);
  } catch (const rl::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
