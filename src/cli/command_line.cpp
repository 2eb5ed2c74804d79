#include "rl/cli/command_line.h"

#include <boost/program_options.hpp>

#include "rl/core/error.h"

namespace rl::cli {
namespace {

namespace po = boost::program_options;

bool is_flag(const Option& option) { return std::holds_alternative<bool*>(option.target); }

// Unknown names come back as such, for the table to name the nearest. Long options only, so that
// a value such as -100 is never taken for an option.
std::vector<po::option> tokenize(const OptionTable& table, const std::vector<std::string>& words) {
  po::options_description description;
  for (const Option& option : table.options()) {
    auto* value = po::value<std::string>();
    if (is_flag(option)) value->implicit_value("true");
    description.add_options()(option.name.c_str(), value);
  }
  constexpr int kStyle = po::command_line_style::allow_long |
                         po::command_line_style::long_allow_adjacent |
                         po::command_line_style::long_allow_next;
  return po::command_line_parser(words)
      .options(description)
      .style(kStyle)
      .allow_unregistered()
      .run()
      .options;
}

[[noreturn]] void reject_missing_value(const OptionTable& table, std::string name) {
  while (name.starts_with('-')) name.erase(0, 1);
  const Option* option = table.find(name);
  throw Error({.where = kCommandLine,
               .what = "option --" + name + " has no value",
               .expected = option == nullptr ? "" : accepted_values(*option),
               .remedy = "write --" + name + " VALUE"});
}

}  // namespace

CommandLine parse_command_line(const OptionTable& table, const std::vector<std::string>& words,
                               std::size_t max_arguments) {
  CommandLine result;
  const auto add_word = [&](const std::string& word) {
    const bool option_like = word.starts_with('-') && word.size() > 1;
    if (option_like) result.assignments.push_back({word, "", kCommandLine});
    if (!option_like) result.arguments.push_back(word);
  };
  try {
    for (const po::option& token : tokenize(table, words)) {
      if (token.position_key >= 0) {
        for (const std::string& word : token.value) add_word(word);
        continue;
      }
      const Option* option = table.find(token.string_key);
      const std::string value = token.value.empty() ? "true" : token.value.front();
      const bool value_apart = token.original_tokens.size() > 1;
      const bool flag = option != nullptr && is_flag(*option);
      if (flag && value_apart && value != "true" && value != "false") {
        result.assignments.push_back({token.string_key, "true", kCommandLine});
        add_word(value);
        continue;
      }
      if (value_apart && value.starts_with("--")) reject_missing_value(table, token.string_key);
      result.assignments.push_back({token.string_key, value, kCommandLine});
    }
  } catch (const po::error_with_option_name& error) {
    reject_missing_value(table, error.get_option_name());
  }
  for (const Assignment& assignment : result.assignments) {
    if (table.find(assignment.name) == nullptr) table.reject_unknown(assignment);
  }
  if (result.arguments.size() > max_arguments) {
    throw Error({.where = kCommandLine,
                 .what = "'" + result.arguments[max_arguments] + "' is not understood here",
                 .remedy = "options begin with --; --help lists them"});
  }
  return result;
}

}  // namespace rl::cli
