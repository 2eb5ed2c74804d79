#include "rl/language/text_tasks.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "src/language/data/counting_tasks.h"

namespace rl::language {
namespace {

constexpr std::size_t kMostAdditionDigits = 18;  // the sum fits 64 bits
constexpr std::size_t kMostChainDigits = 16;     // so does that of kMostTerms
constexpr std::size_t kMostTerms = 64;
constexpr std::size_t kLongestText = 256;
constexpr std::size_t kMostCountdownNumbers = 8;
constexpr std::size_t kMostCountdownDigits = 4;

std::uint64_t power_of_ten(std::size_t exponent) {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// Exactly `digits` digits; one digit may be 0.
std::uint64_t draw_number(RngStream& stream, std::size_t digits) {
  const std::uint64_t low = digits == 1 ? 0 : power_of_ten(digits - 1);
  return low + stream.below(power_of_ten(digits) - low);
}

std::string draw_characters(RngStream& stream, std::size_t length, std::string_view alphabet) {
  std::string text;
  while (text.size() < length) text += alphabet[stream.below(alphabet.size())];
  return text;
}

class Addition : public TextTask {
 public:
  explicit Addition(const TextTaskOptions& options) : digits_(options.digits) {}

  TextProblem draw(RngStream& stream) const override {
    const std::uint64_t a = draw_number(stream, digits_);
    const std::uint64_t b = draw_number(stream, digits_);
    return {std::to_string(a) + "+" + std::to_string(b) + "=", std::to_string(a + b)};
  }

  std::string identity(const TextProblem& problem) const override {
    const std::size_t plus = problem.prompt.find('+');
    std::string a = problem.prompt.substr(0, plus);
    std::string b = problem.prompt.substr(plus + 1, problem.prompt.size() - plus - 2);
    if (b < a) std::swap(a, b);
    return a + "+" + b;
  }

 private:
  std::size_t digits_;
};

class Reverse : public TextTask {
 public:
  explicit Reverse(const TextTaskOptions& options) : length_(options.length) {}

  TextProblem draw(RngStream& stream) const override {
    const std::string text = draw_characters(stream, length_, "abcdefghijklmnopqrstuvwxyz");
    return {"reverse(" + text + ")=", std::string(text.rbegin(), text.rend())};
  }

 private:
  std::size_t length_;
};

class Sorting : public TextTask {
 public:
  explicit Sorting(const TextTaskOptions& options) : length_(options.length) {}

  TextProblem draw(RngStream& stream) const override {
    std::string text = draw_characters(stream, length_, "0123456789");
    const std::string prompt = "sort(" + text + ")=";
    std::ranges::sort(text);
    return {prompt, text};
  }

 private:
  std::size_t length_;
};

class ChainSum : public TextTask {
 public:
  explicit ChainSum(const TextTaskOptions& options)
      : terms_(options.length), digits_(options.digits) {}

  TextProblem draw(RngStream& stream) const override {
    std::string prompt;
    std::int64_t sum = 0;
    for (std::size_t term = 0; term < terms_; ++term) {
      const auto value =
          static_cast<std::int64_t>(draw_number(stream, 1 + stream.below(digits_)));
      const bool minus = term > 0 && stream.below(2) == 1;
      if (term > 0) prompt += minus ? '-' : '+';
      prompt += std::to_string(value);
      sum += minus ? -value : value;
    }
    return {prompt + "=", std::to_string(sum)};
  }

 private:
  std::size_t terms_;
  std::size_t digits_;
};

void require_range(const char* option, std::size_t value, std::size_t low, std::size_t high) {
  if (value >= low && value <= high) return;
  throw Error({.where = "text task", .what = std::string(option) + " is out of range",
               .expected = std::to_string(low) + " to " + std::to_string(high),
               .got = std::to_string(value)});
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

double TextTask::score(const TextProblem& problem, std::string_view completion) const {
  return trimmed(completion) == problem.answer ? 1.0 : 0.0;
}

std::span<const TextTaskDescription> text_task_descriptions() {
  static constexpr std::array<TextTaskDescription, 6> kDescriptions{{
      {"addition", "47+85=132"},
      {"reverse", "reverse(bdca)=acdb"},
      {"sorting", "sort(4130)=0134"},
      {"chain-sum", "47-12+85=120"},
      {"countdown", "countdown(3,25,5;60)=(25-5)*3"},
      {"letter-count", "count(a,abca)=2"},
  }};
  return kDescriptions;
}

std::unique_ptr<TextTask> make_text_task(const TextTaskOptions& options) {
  if (options.task == "addition") {
    require_range("digits", options.digits, 1, kMostAdditionDigits);
    return std::make_unique<Addition>(options);
  }
  if (options.task == "reverse" || options.task == "sorting") {
    require_range("length", options.length, 1, kLongestText);
    if (options.task == "reverse") return std::make_unique<Reverse>(options);
    return std::make_unique<Sorting>(options);
  }
  if (options.task == "chain-sum") {
    require_range("digits", options.digits, 1, kMostChainDigits);
    require_range("length", options.length, 2, kMostTerms);
    return std::make_unique<ChainSum>(options);
  }
  if (options.task == "countdown") {
    require_range("digits", options.digits, 1, kMostCountdownDigits);
    require_range("length", options.length, 2, kMostCountdownNumbers);
    return make_countdown(options.length, options.digits);
  }
  if (options.task == "letter-count") {
    require_range("length", options.length, 1, kLongestText);
    return make_letter_count(options.length);
  }
  std::vector<std::string> names;
  for (const auto& row : text_task_descriptions()) names.emplace_back(row.name);
  throw Error({.where = "text task", .what = "there is no task of this name",
               .got = "'" + options.task + "'", .remedy = suggest(options.task, names)});
}

}  // namespace rl::language
