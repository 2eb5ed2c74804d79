#include "rl/cli/ini.h"

#include <algorithm>
#include <set>

#include "rl/core/error.h"
#include "rl/formats/files.h"

namespace rl::cli {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Position of a comment outside quotes, or npos.
std::size_t find_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    const bool starts_word = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';
    if (!quoted && starts_word && (line[i] == '#' || line[i] == ';')) return i;
  }
  return std::string_view::npos;
}

std::string section_of(const Option& option) {
  const std::size_t dot = option.name.find('.');
  return dot == std::string::npos ? "" : option.name.substr(0, dot);
}

// Line by line, carrying the section.
class Reader {
 public:
  Reader(const std::string& file, const OptionTable& table) : file_(file) {
    for (const Option& option : table.options()) sections_.insert(section_of(option));
  }

  void read_line(std::string_view line) {
    ++number_;
    line = trim(line.substr(0, find_comment(line)));
    if (line.empty()) return;
    if (line.front() == '[') return read_section(line);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)).empty()) {
      fail("this line is not understood", "name = value, [section] or # comment", line);
    }
    std::string_view value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    const std::string name(trim(line.substr(0, equals)));
    const std::string full = section_.empty() ? name : section_ + "." + name;
    assignments_.push_back({full, std::string(value), place()});
  }

  std::vector<Assignment> take() { return std::move(assignments_); }

 private:
  std::string place() const { return file_ + ":" + std::to_string(number_); }

  void read_section(std::string_view line) {
    if (line.back() != ']') fail("this section line does not end", "[section]", line);
    section_ = trim(line.substr(1, line.size() - 2));
    if (sections_.contains(section_) && !section_.empty()) return;
    std::string known;
    for (const std::string& section : sections_) {
      if (!section.empty()) known += (known.empty() ? "[" : " or [") + section + "]";
    }
    fail("there is no section of this name", known, line);
  }

  [[noreturn]] void fail(const std::string& what, const std::string& expected,
                         std::string_view got) const {
    throw Error({.where = place(), .what = what, .expected = expected,
                 .got = "'" + std::string(got.substr(0, 80)) + "'"});
  }

  const std::string& file_;
  std::set<std::string> sections_;
  std::string section_;
  std::size_t number_ = 0;
  std::vector<Assignment> assignments_;
};

std::string quoted(const Option& option, const std::string& value) {
  const bool plain = !value.empty() && trim(value) == value && value.front() != '"' &&
                     find_comment(value) == std::string_view::npos;
  if (plain && value.find('"') == std::string::npos) return value;
  if (value.find('"') == std::string::npos) return "\"" + value + "\"";
  throw Error({.where = "option " + option.name, .what = "its value cannot be written to a file",
               .expected = "text without quotation marks", .got = value});
}

}  // namespace

std::vector<Assignment> parse_ini(std::string_view text, const std::string& file,
                                  const OptionTable& table) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Reader reader(file, table);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.take();
}

std::vector<Assignment> read_ini(const std::string& path, const OptionTable& table) {
  const Bytes bytes = read_file(path, kMaxFileBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return parse_ini(text, path, table);
}

std::string to_ini(const OptionTable& table) {
  std::string text;
  std::string section;
  const auto append = [&](bool top_level) {
    for (const Option& option : table.options()) {
      const std::string home = section_of(option);
      if (!option.saved || home.empty() != top_level) continue;
      if (home != section) text += "\n[" + (section = home) + "]\n";
      const std::string name = home.empty() ? option.name : option.name.substr(home.size() + 1);
      text += name + " = " + quoted(option, table.value_of(option)) + "\n";
    }
  };
  append(true);
  append(false);
  return text;
}

}  // namespace rl::cli
