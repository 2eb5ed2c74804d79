#include "src/language/verifier_rules.h"

#include <algorithm>
#include <charconv>
#include <cctype>

#include "rl/core/error.h"
#include "rl/language/verifier.h"
#include "rl/text/text_pattern.h"

namespace rl::language {
namespace {

constexpr std::string_view kMark = "####";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::size_t digits_from(std::string_view text, std::size_t from) {
  std::size_t count = 0;
  while (from + count < text.size() && is_digit(text[from + count])) ++count;
  return count;
}

struct Number {
  std::string spelling;
  std::size_t end = 0;
};

// Digits with groups of three behind commas, then a point and digits: what stands at `from`.
Number read_number(std::string_view text, std::size_t from, bool negative) {
  std::size_t at = from + digits_from(text, from);
  std::string whole(text.substr(from, at - from));
  while (whole.size() > 0 && at < text.size() && text[at] == ',' &&
         digits_from(text, at + 1) == 3) {
    whole += text.substr(at + 1, 3);
    at += 4;
  }
  std::string fraction;
  if (at < text.size() && text[at] == '.') {
    const std::size_t count = digits_from(text, at + 1);
    fraction = text.substr(at + 1, count);
    if (count > 0) at += 1 + count;
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  std::string spelling = whole.empty() ? "0" : whole;
  if (!fraction.empty()) spelling += "." + fraction;
  if (negative && spelling != "0") spelling.insert(0, "-");
  return {std::move(spelling), at};
}

// A minus is a sign unless it stands behind a number, a word or a closing bracket; "$" may stand
// between it and the digits.
bool is_negative(std::string_view text, std::size_t first_digit) {
  std::size_t at = first_digit;
  if (at > 0 && text[at - 1] == '$') --at;
  if (at == 0 || text[at - 1] != '-') return false;
  --at;
  return at == 0 || !(is_word(text[at - 1]) || text[at - 1] == ')');
}

std::optional<std::string> find_number(std::string_view text, bool last) {
  std::optional<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && digits_from(text, at + 1) > 0;
    if (!is_digit(text[at]) && !point) {
      ++at;
      continue;
    }
    Number number = read_number(text, at, is_negative(text, at));
    at = number.end;
    found = std::move(number.spelling);
    if (!last) break;
  }
  return found;
}

std::optional<double> flag(bool right) { return right ? 1.0 : 0.0; }

std::optional<double> exact(const TextProblem& problem, std::string_view completion) {
  return flag(without_outer_space(completion) == without_outer_space(problem.answer));
}

std::optional<double> numeric(const TextProblem& problem, std::string_view completion) {
  const auto wanted = number_in(problem.answer);
  if (!wanted) return std::nullopt;
  return flag(number_in(completion) == wanted);
}

std::optional<double> answer(const TextProblem& problem, std::string_view completion) {
  return is_marked(problem.answer) ? numeric(problem, completion) : exact(problem, completion);
}

std::optional<double> contains(const TextProblem& problem, std::string_view completion) {
  return flag(completion.find(without_outer_space(problem.answer)) != std::string_view::npos);
}

Verifier pattern(const std::string& argument) {
  if (argument.empty()) {
    throw Error({.where = "verifier regex", .what = "it needs a pattern",
                 .expected = "regex <weight> <pattern>"});
  }
  return [found = text::TextPattern(argument)](const TextProblem&, std::string_view completion) {
    return flag(found.occurs_in(completion));
  };
}

Verifier length(const std::string& argument) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  std::size_t most = 0;
  const char* const end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, most);
  if (error != std::errc{} || rest != end || most == 0 || most > kMost) {
    throw Error({.where = "verifier length", .what = "its argument is no number of bytes",
                 .expected = "1 to " + std::to_string(kMost), .got = "'" + argument + "'"});
  }
  return [most](const TextProblem&, std::string_view completion) -> std::optional<double> {
    const auto excess = static_cast<double>(completion.size()) - static_cast<double>(most);
    return std::clamp(1.0 - excess / static_cast<double>(most), 0.0, 1.0);
  };
}

VerifierFactory without_argument(const char* name, Verifier verifier) {
  return [name, verifier](const std::string& argument) {
    if (argument.empty()) return verifier;
    throw Error({.where = std::string("verifier ") + name, .what = "it takes no argument",
                 .got = "'" + argument + "'"});
  };
}

}  // namespace

std::string_view without_outer_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_marked(std::string_view text) { return text.find(kMark) != std::string_view::npos; }

std::optional<std::string> number_in(std::string_view text) {
  const std::size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return find_number(text, true);
  return find_number(text.substr(mark + kMark.size()), false);
}

const VerifierRegistry& builtin_verifiers() {
  static const VerifierRegistry registry = [] {
    VerifierRegistry built;
    built.add("exact", {"the answer and nothing else", without_argument("exact", exact)});
    built.add("numeric", {"the same last number, behind #### when there is one",
                          without_argument("numeric", numeric)});
    built.add("answer", {"numeric when the answer has #### n, else exact",
                         without_argument("answer", answer)});
    built.add("contains", {"the answer appears somewhere", without_argument("contains", contains)});
    built.add("regex", {"a pattern is found", pattern});
    built.add("length", {"1 up to N bytes, then falling to 0 at 2 N", length});
    return built;
  }();
  return registry;
}

}  // namespace rl::language
