#include "rollout/config_values.h"

#include <sstream>

#include "rl/core/error.h"

namespace rl::rollout {

void refuse_value(const std::string& what, const std::string& expected, const std::string& got) {
  throw Error({.where = "run configuration",
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "learner and worker must be of the same version"});
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

ConfigValues parse_lines(std::string_view text) {
  ConfigValues values;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (trimmed(line).empty()) continue;
    const auto equals = line.find('=');
    if (equals == std::string::npos) refuse_value("a line is malformed", "name = value", line);
    const std::string name(trimmed(std::string_view(line).substr(0, equals)));
    if (!values.emplace(name, trimmed(std::string_view(line).substr(equals + 1))).second) {
      refuse_value("a name appears twice", "each name once", name);
    }
  }
  return values;
}

std::string take_value(ConfigValues& values, const std::string& name) {
  const auto node = values.extract(name);
  if (node.empty()) refuse_value("'" + name + "' is missing", "a value", "nothing");
  return node.mapped();
}

double parse_real(const std::string& name, std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse_value("'" + name + "' is not a finite number", "a number", std::string(text));
  }
  return value;
}

bool parse_flag(const std::string& name, std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  refuse_value("'" + name + "' is no switch", "true or false", std::string(text));
}

std::string real_text(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

std::string escaped(std::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool outer = i == 0 || i + 1 == text.size();
    switch (text[i]) {
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      case '\\': line += "\\\\"; break;
      case ' ': line += outer ? "\\s" : " "; break;
      default: line += text[i];
    }
  }
  return line;
}

std::string unescaped(const std::string& name, std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    switch (++i < text.size() ? text[i] : '\0') {
      case 'n': value += '\n'; break;
      case 'r': value += '\r'; break;
      case 't': value += '\t'; break;
      case 's': value += ' '; break;
      case '\\': value += '\\'; break;
      default: refuse_value("'" + name + "' has an unknown escape", R"(\n, \r, \t, \s or \\)",
                            std::string(text));
    }
  }
  return value;
}

}  // namespace rl::rollout
