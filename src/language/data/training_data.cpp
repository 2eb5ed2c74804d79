#include "rl/language/training_data.h"

#include "rl/core/error.h"
#include "src/language/data/example_line.h"

namespace rl::language {
namespace {

void add(TrainingData& data, std::string_view line, const ExampleEncoder& encoder) {
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

}  // namespace

TrainingData read_training_data(const std::filesystem::path& file, const ExampleEncoder& encoder,
                                const DataOptions& options) {
  TrainingData data;
  const LineCounts counts =
      read_example_lines(file, options.skip_broken_lines,
                         [&](std::string_view line) { add(data, line, encoder); });
  data.lines = counts.lines;
  data.broken = counts.broken;
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
