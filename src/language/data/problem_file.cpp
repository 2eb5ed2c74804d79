#include "rl/language/problem_file.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/formats/files.h"
#include "src/language/json_text.h"

namespace rl::language {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 30;

[[noreturn]] void refuse(std::string what, std::string expected, std::string got) {
  throw Error({.where = "problem", .what = std::move(what), .expected = std::move(expected),
               .got = std::move(got)});
}

const json* find_either(const json& object, const char* name, const char* other) {
  auto found = object.find(name);
  if (found == object.end()) found = object.find(other);
  return found == object.end() ? nullptr : &*found;
}

TextProblem problem_of(std::string_view line) {
  const json object = parse_json_object(line, "problem");
  const json* const prompt = find_either(object, "prompt", "question");
  if (prompt == nullptr) refuse("there is no prompt", "the key prompt or question", brief(object));
  if (!prompt->is_string()) refuse("the prompt is no text", "a text", brief(*prompt));
  const json* const answer = find_either(object, "answer", "completion");
  TextProblem problem{.prompt = prompt->get<std::string>(), .answer = ""};
  if (answer == nullptr) return problem;
  if (!answer->is_string() && !answer->is_number()) {
    refuse("the answer is neither a text nor a number", "a text or a number", brief(*answer));
  }
  problem.answer = answer->is_string() ? answer->get<std::string>() : answer->dump();
  return problem;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

ProblemFile read_problem_file(const std::filesystem::path& file, bool skip_broken_lines) {
  const Bytes bytes = read_file(file, kMaxFileBytes);
  return problems_of_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                          file.string(), skip_broken_lines);
}

ProblemFile problems_of_text(std::string_view text, const std::string& where,
                             bool skip_broken_lines) {
  ProblemFile result{.digest = to_hex(digest(std::as_bytes(std::span(text))))};
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (is_blank(line)) continue;
    ++result.lines;
    try {
      result.problems.push_back(problem_of(line));
    } catch (const Error& error) {
      ++result.broken;
      if (skip_broken_lines) continue;
      throw Error({.where = where + ":" + std::to_string(number), .what = error.what(),
                   .remedy = "correct the line, or pass over such lines with --skip-broken-lines"});
    }
  }
  if (!result.problems.empty()) return result;
  throw Error({.where = where, .what = "there is no problem in it",
               .expected = R"(lines such as {"prompt": "1+2=", "answer": "3"})",
               .got = result.lines == 0 ? "an empty file" : "broken lines only"});
}

}  // namespace rl::language
