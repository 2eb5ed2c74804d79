#include "rl/language/training_data.h"

#include <algorithm>
#include <fstream>

#include "rl/core/error.h"

namespace rl::language {
namespace {

constexpr std::size_t kLongestLine = std::size_t{64} << 20;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

void add(TrainingData& data, std::string_view line, const ExampleEncoder& encoder) {
  if (line.size() > kLongestLine) {
    throw Error({.where = "training example", .what = "the line is too long",
                 .expected = "at most " + std::to_string(kLongestLine) + " bytes"});
  }
  auto example = encoder.encode(line);
  if (!example) {
    ++data.skipped_too_long;
    return;
  }
  if (example->truncated) ++data.truncated;
  data.tokens += example->tokens.size();
  data.loss_tokens += example->loss_tokens();
  data.examples.push_back(std::move(*example));
}

std::string grouped(std::size_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace

TrainingData read_training_data(const std::filesystem::path& file, const ExampleEncoder& encoder,
                                const DataOptions& options) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file)) {
    throw Error({.where = file.string(), .what = "there is no such file of training data",
                 .expected = "a file of JSON lines",
                 .remedy = "name one with --data, or make one: corral make-data"});
  }
  TrainingData data;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (is_blank(line)) continue;
    ++data.lines;
    try {
      add(data, line, encoder);
    } catch (const Error& error) {
      ++data.broken;
      if (options.skip_broken_lines) continue;
      throw Error({.where = file.string() + ":" + std::to_string(number), .what = error.what(),
                   .remedy = "correct the line, or pass over such lines with --skip-broken-lines"});
    }
  }
  if (stream.bad()) {
    throw Error({.where = file.string(), .what = "the file cannot be read to its end"});
  }
  if (!data.examples.empty()) return data;
  throw Error({.where = file.string(), .what = "there is nothing to learn from",
               .expected = "lines such as {\"prompt\": \"1+2=\", \"completion\": \"3\"}",
               .got = data.lines == 0 ? "an empty file" : describe(data)});
}

std::string describe(const TrainingData& data) {
  std::string text = grouped(data.examples.size()) + " examples, " + grouped(data.tokens) +
                     " tokens, " + grouped(data.loss_tokens) + " of them in the loss";
  if (data.truncated > 0) text += ", " + grouped(data.truncated) + " truncated";
  if (data.skipped_too_long > 0) {
    text += ", " + grouped(data.skipped_too_long) + " too long, skipped";
  }
  if (data.broken > 0) text += ", " + grouped(data.broken) + " broken, skipped";
  return text;
}

}  // namespace rl::language
