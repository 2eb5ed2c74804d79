#include "rl/cli/help.h"

#include <type_traits>

namespace rl::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kHelpColumn = 34;

std::string placeholder(const Option& option) {
  if (!option.choices.empty()) {
    std::string text;
    for (const std::string& choice : option.choices) text += (text.empty() ? "" : "|") + choice;
    return text;
  }
  return std::visit(
      [&](const auto& target) -> std::string {
        using T = std::decay_t<decltype(target)>;
        if constexpr (std::is_same_v<T, bool*>) return "";
        if constexpr (std::is_same_v<T, std::uint64_t*>) return "N";
        if constexpr (std::is_same_v<T, std::vector<std::int64_t>*>) return "N,N";
        if constexpr (std::is_same_v<T, std::string*> ||
                      std::is_same_v<T, std::vector<std::string>*>) {
          return option.unit;
        }
        return "X";
      },
      option.target);
}

bool is_text(const Option& option) {
  return std::holds_alternative<std::string*>(option.target) ||
         std::holds_alternative<std::vector<std::string>*>(option.target);
}

std::string default_note(const OptionTable& table, const Option& option) {
  const std::string& value = table.default_of(option);
  if (std::holds_alternative<bool*>(option.target) && value == "false") return "";
  if (value.empty()) return "";
  if (is_text(option) && value == "none") return "";
  const std::string unit = is_text(option) || option.unit.empty() ? "" : " " + option.unit;
  return " (default " + value + unit + ")";
}

}  // namespace

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string lines;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > 0 && column + 1 + word.size() > width) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > 0) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

std::string option_help(const OptionTable& table, std::size_t width) {
  std::string text;
  std::string group;
  for (const Option& option : table.options()) {
    if (option.group != group) {
      group = option.group;
      text += (text.empty() ? "" : "\n") + group + ":\n";
    }
    std::string left = std::string(kIndent, ' ') + "--" + option.name;
    const std::string value = placeholder(option);
    if (!value.empty()) left += " " + value;
    const bool fits = left.size() + 2 <= kHelpColumn;
    left += fits ? std::string(kHelpColumn - left.size(), ' ')
                 : "\n" + std::string(kHelpColumn, ' ');
    const std::string right = option.help + default_note(table, option);
    const std::string padded = wrap(right, width - kHelpColumn, 0);
    for (const char c : padded) {
      left += c;
      if (c == '\n') left += std::string(kHelpColumn, ' ');
    }
    text += left + "\n";
  }
  return text;
}

}  // namespace rl::cli
