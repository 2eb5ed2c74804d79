#include "src/language/data/example_line.h"

#include <fstream>

#include "rl/core/error.h"

namespace rl::language {
namespace {

constexpr std::size_t kLongestLine = std::size_t{64} << 20;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

void refuse(const std::string& what, const std::string& expected, const std::string& got,
                    const std::string& remedy) {
  throw Error({.where = "training example", .what = what, .expected = expected, .got = got,
               .remedy = remedy});
}

ExampleJson parse_example(std::string_view line) {
  if (line.size() > kLongestLine) {
    refuse("the line is too long", "at most " + std::to_string(kLongestLine) + " bytes");
  }
  ExampleJson object = ExampleJson::parse(line, nullptr, false);
  if (object.is_discarded()) refuse("the line is not JSON", "one JSON object per line");
  if (!object.is_object()) {
    refuse("the line is not an object", "a JSON object", object.type_name());
  }
  return object;
}

std::string role_of(const ExampleJson& message) {
  if (!message.is_object()) return "";
  const auto role = message.find("role");
  return role != message.end() && role->is_string() ? role->get<std::string>() : "";
}

std::string keys_of(const ExampleJson& object) {
  std::string names;
  for (const auto& [name, value] : object.items()) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

LineCounts read_example_lines(const std::filesystem::path& file, bool skip_broken_lines,
                              const std::function<void(std::string_view line)>& use) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file)) {
    throw Error({.where = file.string(), .what = "there is no such file of training data",
                 .expected = "a file of JSON lines",
                 .remedy = "name one with --data, or make one: corral make-data"});
  }
  LineCounts counts;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (is_blank(line)) continue;
    ++counts.lines;
    try {
      use(line);
    } catch (const Error& error) {
      ++counts.broken;
      if (skip_broken_lines) continue;
      throw Error({.where = file.string() + ":" + std::to_string(number), .what = error.what(),
                   .remedy = "correct the line, or pass over such lines with --skip-broken-lines"});
    }
  }
  if (!stream.bad()) return counts;
  throw Error({.where = file.string(), .what = "the file cannot be read to its end"});
}

std::string grouped(std::size_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace rl::language
