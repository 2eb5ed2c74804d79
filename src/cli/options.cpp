#include "rl/cli/options.h"

#include <algorithm>
#include <map>
#include <optional>

#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "rl/cli/numbers.h"

namespace rl::cli {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string join(const std::vector<std::string>& words, const std::string& last_separator) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last_separator : ", ";
    text += words[i];
  }
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  if (text == "none") return parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

bool within(const Range& range, double value) {
  const bool above = range.low_open ? value > range.low : value >= range.low;
  return above && value <= range.high;
}

std::string describe(const Range& range) {
  const bool has_low = range.low != -std::numeric_limits<double>::infinity();
  const bool has_high = range.high != std::numeric_limits<double>::infinity();
  const std::string low = format_number(range.low);
  const std::string high = format_number(range.high);
  if (has_low && has_high && range.low_open) return " above " + low + " and up to " + high;
  if (has_low && has_high) return " from " + low + " to " + high;
  if (has_low) return (range.low_open ? " above " : " of at least ") + low;
  if (has_high) return " of at most " + high;
  return "";
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string shown(const std::string& name, const Assignment& assignment) {
  const bool typed = assignment.where == kCommandLine && !name.starts_with('-');
  return (typed ? "--" : "") + name;
}

std::string did_you_mean(const std::vector<std::string>& near) {
  return "did you mean " + join(near, " or ") + "?";
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return std::nullopt;
}

// The parsers say whether the value is accepted; if not, the field keeps its value.
bool assign(const Option&, bool* target, std::string_view text) {
  const std::optional<bool> value = parse_flag(text);
  if (value) *target = *value;
  return value.has_value();
}

bool assign(const Option& option, std::uint64_t* target, std::string_view text) {
  const std::optional<std::uint64_t> value = parse_count(text);
  if (!value || !within(option.range, static_cast<double>(*value))) return false;
  *target = *value;
  return true;
}

bool assign(const Option& option, double* target, std::string_view text) {
  const std::optional<double> value = parse_number(text);
  if (!value || !within(option.range, *value)) return false;
  *target = *value;
  return true;
}

bool assign(const Option& option, const MaybeNumber& target, std::string_view text) {
  if (text != "none" && !assign(option, target.value, text)) return false;
  *target.present = text != "none";
  return true;
}

bool assign(const Option& option, std::string* target, std::string_view text) {
  const auto& choices = option.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return false;
  }
  if (has_control_character(text)) return false;
  *target = text;
  return true;
}

bool assign(const Option& option, std::vector<std::int64_t>* target, std::string_view text) {
  std::vector<std::int64_t> values;
  for (const std::string& part : split_list(text)) {
    const std::optional<std::uint64_t> value = parse_count(part);
    if (!value || !within(option.range, static_cast<double>(*value))) return false;
    values.push_back(static_cast<std::int64_t>(*value));
  }
  *target = std::move(values);
  return true;
}

bool assign(const Option&, std::vector<std::string>* target, std::string_view text) {
  std::vector<std::string> values = split_list(text);
  const auto bad = [](const std::string& v) { return v.empty() || has_control_character(v); };
  if (std::any_of(values.begin(), values.end(), bad)) return false;
  *target = std::move(values);
  return true;
}

}  // namespace

std::string accepted_values(const Option& option) {
  const std::string range = describe(option.range);
  return std::visit(
      Overloaded{
          [](bool*) { return std::string("true or false"); },
          [&](std::uint64_t*) { return "a whole number" + range; },
          [&](double*) { return "a number" + range; },
          [&](const MaybeNumber&) { return "none, or a number" + range; },
          [&](std::string*) {
            return option.choices.empty() ? std::string("text in one line")
                                          : join(option.choices, " or ");
          },
          [&](std::vector<std::int64_t>*) {
            return "none, or whole numbers" + range + " separated by commas, such as 64,64";
          },
          [](std::vector<std::string>*) {
            return std::string("none, or words separated by commas");
          }},
      option.target);
}

void OptionTable::add(Option option) {
  option.group = group_;
  defaults_.push_back(value_of(option));
  options_.push_back(std::move(option));
}

const Option* OptionTable::find(std::string_view name) const {
  const auto it = std::find_if(options_.begin(), options_.end(),
                               [&](const Option& option) { return option.name == name; });
  return it == options_.end() ? nullptr : &*it;
}

const std::string& OptionTable::default_of(const Option& option) const {
  return defaults_[static_cast<std::size_t>(&option - options_.data())];
}

void OptionTable::reject_unknown(const Assignment& assignment) const {
  std::string wanted = assignment.name;
  while (wanted.starts_with('-')) wanted.erase(0, 1);
  std::vector<std::string> names;
  std::vector<std::string> homes;  // `clip` written where `ppo.clip` was meant
  for (const Option& option : options_) {
    names.push_back(option.name);
    if (option.name.ends_with("." + wanted)) homes.push_back(option.name);
  }
  std::vector<std::string> near = homes.empty() ? nearest_names(wanted, names) : homes;
  for (std::string& name : near) name = shown(name, assignment);
  throw Error({.where = assignment.where,
               .what = "there is no option " + shown(assignment.name, assignment),
               .remedy = near.empty() ? "--help lists the options" : did_you_mean(near)});
}

void OptionTable::set(const Assignment& assignment) {
  const Option* option = find(assignment.name);
  if (option == nullptr) reject_unknown(assignment);
  const bool accepted = std::visit(
      [&](const auto& target) { return assign(*option, target, assignment.value); },
      option->target);
  if (accepted) return;
  const std::vector<std::string> near = nearest_names(assignment.value, option->choices);
  throw Error({.where = assignment.where,
               .what = "option " + shown(assignment.name, assignment) +
                       " cannot take this value",
               .expected = accepted_values(*option),
               .got = "'" + assignment.value + "'",
               .remedy = near.empty() ? "" : did_you_mean(near)});
}

void OptionTable::set_all(const std::vector<Assignment>& assignments) {
  std::map<std::string_view, std::string_view> seen;
  for (const Assignment& assignment : assignments) {
    const auto [first, is_new] = seen.emplace(assignment.name, assignment.where);
    if (!is_new) {
      throw Error({.where = assignment.where,
                   .what = "option " + shown(assignment.name, assignment) +
                           " is given twice, first in " + std::string(first->second),
                   .remedy = "remove one of them"});
    }
    set(assignment);
  }
}

std::string OptionTable::value_of(const Option& option) const {
  const auto list = [](const auto& values, const auto& text) {
    std::string joined;
    for (const auto& value : values) joined += (joined.empty() ? "" : ",") + text(value);
    return joined.empty() ? std::string("none") : joined;
  };
  return std::visit(
      Overloaded{[](const bool* value) { return std::string(*value ? "true" : "false"); },
                 [](const std::uint64_t* value) { return std::to_string(*value); },
                 [](const double* value) { return format_number(*value); },
                 [](const MaybeNumber& value) {
                   return *value.present ? format_number(*value.value) : std::string("none");
                 },
                 [](const std::string* value) { return *value; },
                 [&](const std::vector<std::int64_t>* values) {
                   return list(*values, [](std::int64_t v) { return std::to_string(v); });
                 },
                 [&](const std::vector<std::string>* values) {
                   return list(*values, [](const std::string& v) { return v; });
                 }},
      option.target);
}

}  // namespace rl::cli
