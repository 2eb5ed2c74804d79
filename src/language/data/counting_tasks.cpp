#include "src/language/data/counting_tasks.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "rl/language/arithmetic.h"

namespace rl::language {
namespace {

// A part of the sum that a countdown is made from: its value is a natural number.
struct Part {
  std::string text;
  std::int64_t value = 0;
  bool is_sum = false;  // needs brackets inside another
};

std::string bracketed(const Part& part) { return part.is_sum ? "(" + part.text + ")" : part.text; }

// Values stay natural numbers, and products small; where the operation gives no such value, the
// parts are added.
Part combined(const Part& a, const Part& b, std::uint64_t operation, std::int64_t most) {
  const Part& larger = a.value < b.value ? b : a;
  const Part& smaller = a.value < b.value ? a : b;
  const auto joined = [&](const char* sign, std::int64_t value) {
    return Part{bracketed(larger) + sign + bracketed(smaller), value, true};
  };
  if (operation == 1 && larger.value > smaller.value) {
    return joined("-", larger.value - smaller.value);
  }
  if (operation == 2 && larger.value <= most / smaller.value) {
    return joined("*", larger.value * smaller.value);
  }
  if (operation == 3 && larger.value % smaller.value == 0) {
    return joined("/", larger.value / smaller.value);
  }
  return joined("+", larger.value + smaller.value);
}

Part take(std::vector<Part>& parts, RngStream& stream) {
  const auto chosen = parts.begin() + static_cast<std::ptrdiff_t>(stream.below(parts.size()));
  Part part = std::move(*chosen);
  parts.erase(chosen);
  return part;
}

std::string listed(const std::vector<std::string>& numbers) {
  std::string text;
  for (const std::string& number : numbers) text += (text.empty() ? "" : ",") + number;
  return text;
}

struct CountdownPrompt {
  std::vector<std::string> numbers;  // sorted
  std::int64_t target = 0;
};

// "countdown(3,7,50;81)="
std::optional<CountdownPrompt> read_countdown(std::string_view prompt) {
  const std::size_t open = prompt.find('(');
  const std::size_t middle = prompt.find(';');
  const std::size_t close = prompt.find(')');
  if (open > middle || middle > close || close >= prompt.size()) return std::nullopt;
  CountdownPrompt read;
  std::string_view list = prompt.substr(open + 1, middle - open - 1);
  while (!list.empty()) {
    const std::string_view number = list.substr(0, list.find(','));
    read.numbers.emplace_back(number);
    list.remove_prefix(std::min(number.size() + 1, list.size()));
  }
  std::ranges::sort(read.numbers);
  const char* const end = prompt.data() + close;
  const auto [rest, error] = std::from_chars(prompt.data() + middle + 1, end, read.target);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return read;
}

class Countdown final : public TextTask {
 public:
  Countdown(std::size_t numbers, std::size_t digits) : numbers_(numbers) {
    for (; digits > 0; --digits) end_ *= 10;
  }

  TextProblem draw(RngStream& stream) const override {
    std::vector<Part> parts;
    std::vector<std::string> numbers;
    while (parts.size() < numbers_) {
      const auto value = static_cast<std::int64_t>(1 + stream.below(end_ - 1));
      numbers.push_back(std::to_string(value));
      parts.push_back({numbers.back(), value});
    }
    while (parts.size() > 1) {
      const Part a = take(parts, stream);
      const Part b = take(parts, stream);
      parts.push_back(combined(a, b, stream.below(4), 10 * static_cast<std::int64_t>(end_)));
    }
    return {"countdown(" + listed(numbers) + ";" + std::to_string(parts.front().value) + ")=",
            parts.front().text};
  }

  std::string identity(const TextProblem& problem) const override {
    const auto read = read_countdown(problem.prompt);
    if (!read) return problem.prompt;
    return listed(read->numbers) + ";" + std::to_string(read->target);
  }

  // Any sum that uses every number once and makes the target.
  double score(const TextProblem& problem, std::string_view completion) const override {
    const auto wanted = read_countdown(problem.prompt);
    const std::size_t end = completion.find_last_not_of(" \t\r\n");
    auto found = evaluate_arithmetic(completion.substr(0, end + 1));
    if (!wanted || !found || !found->is(wanted->target)) return 0.0;
    std::ranges::sort(found->numbers);
    return found->numbers == wanted->numbers ? 1.0 : 0.0;
  }

 private:
  std::size_t numbers_;
  std::uint64_t end_ = 1;  // numbers are below
};

class LetterCount final : public TextTask {
 public:
  explicit LetterCount(std::size_t letters) : letters_(letters) {}

  // Few different letters, so that most are there more than once.
  TextProblem draw(RngStream& stream) const override {
    constexpr std::string_view kAlphabet = "abcdef";
    std::string text;
    while (text.size() < letters_) text += kAlphabet[stream.below(kAlphabet.size())];
    const char letter = text[stream.below(text.size())];
    return {std::string("count(") + letter + "," + text + ")=",
            std::to_string(std::ranges::count(text, letter))};
  }

 private:
  std::size_t letters_;
};

}  // namespace

std::unique_ptr<TextTask> make_countdown(std::size_t numbers, std::size_t digits) {
  return std::make_unique<Countdown>(numbers, digits);
}

std::unique_ptr<TextTask> make_letter_count(std::size_t letters) {
  return std::make_unique<LetterCount>(letters);
}

}  // namespace rl::language
