// Options bound to fields: one table serves the command line, INI files, --help and the written
// configuration, so that they cannot disagree.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rl::cli {

// Accepted numbers: low to high, ends included unless open.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
};

// A number that may be absent, written `none`.
struct MaybeNumber {
  double* value;
  bool* present;
};

// Where an option's value goes. The field must outlive the table.
using Target = std::variant<bool*, std::uint64_t*, double*, MaybeNumber, std::string*,
                            std::vector<std::int64_t>*, std::vector<std::string>*>;

struct Option {
  std::string name;                       // "steps", or "ppo.clip": clip in the INI section [ppo]
  Target target;
  std::string unit{};                     // of numbers; for texts what they are: "DIR", "URL"
  Range range{};                          // of numbers and of list elements
  std::string help{};                     // one line
  std::vector<std::string> choices{};     // the only values of a text, when not empty
  bool saved = true;                      // part of a written configuration
  std::string group{};                    // heading in --help; set by OptionTable::group
};

// Where what was typed comes from; names are then shown as typed, with their dashes.
inline constexpr const char* kCommandLine = "command line";

// One `name = value` from somewhere. `where` is shown in errors: kCommandLine, "ppo.ini:12".
struct Assignment {
  std::string name;
  std::string value;
  std::string where;
};

// Threads: one thread at a time. Defaults are what the fields hold when an option is added.
class OptionTable {
 public:
  // Options added from here on stand under this heading.
  void group(std::string title) { group_ = std::move(title); }
  void add(Option option);

  const std::vector<Option>& options() const { return options_; }
  const Option* find(std::string_view name) const;  // nullptr when absent
  const std::string& default_of(const Option& option) const;  // of this table's options

  // Parses the value into its field. Counts may be written 100000, 100_000 or 1e5. Throws Error
  // and leaves the field alone: unknown name (with the nearest), or a value that is not accepted
  // (with what is).
  void set(const Assignment& assignment);
  // All of them in order; a name given twice in the list throws Error naming both places.
  void set_all(const std::vector<Assignment>& assignments);

  // Throws the Error of set() for an unknown name.
  [[noreturn]] void reject_unknown(const Assignment& assignment) const;

  // The fields as text that set() reads back to the same values.
  std::string value_of(const Option& option) const;

 private:
  std::vector<Option> options_;
  std::vector<std::string> defaults_;  // as text, in the order of options_
  std::string group_ = "Options";
};

// What an option takes, for errors and help: "a whole number from 1 to 65536".
std::string accepted_values(const Option& option);

}  // namespace rl::cli
