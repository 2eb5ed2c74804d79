// Where options come from before the command line: the run to resume and a file.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "rl/cli/command_line.h"
#include "rl/cli/ini.h"
#include "rl/cli/options.h"

namespace rl::cli {

// The first line of a written configuration.
inline constexpr const char* kConfigHeading =
    "# The resolved options of a run. Run it again: corral train --config FILE --out DIR\n";

struct OptionLayers {
  bool resume = false;
  std::string out{};     // the run to resume
  std::string config{};  // --config FILE; empty: none
};

// Sets what the resumed run's own configuration and then the file say. Throws Error when there is
// no run to resume, or a file says something that is not understood.
void set_layers(OptionTable& table, const OptionLayers& layers);

// The options of a kind of run, and the file they may come from.
template <class Options>
struct RunRequest {
  Options options{};
  std::string config{};
};

// Adds --config FILE under a heading of its own.
void add_config(OptionTable& table, std::string& config);

template <class Options>
OptionTable request_table(RunRequest<Options>& request, OptionTable (*table_of)(Options&)) {
  OptionTable table = table_of(request.options);
  add_config(table, request.config);
  return table;
}

// What was asked for, and the part of it that was typed.
template <class Options>
struct LayeredOptions {
  Options options;
  std::vector<Assignment> typed;
};

// Defaults, then the resumed run's configuration, then the file, then what is typed. `run_of`
// gives the part of the options that holds `resume` and `out`; `prepare` has its say before what
// is typed.
template <class Options, class RunOf, class Prepare>
LayeredOptions<Options> parse_layered(const std::vector<std::string>& words,
                                      const Options& defaults, OptionTable (*table_of)(Options&),
                                      const RunOf& run_of, const Prepare& prepare) {
  RunRequest<Options> typed{.options = defaults};
  OptionTable typed_table = request_table(typed, table_of);
  std::vector<Assignment> assignments = parse_command_line(typed_table, words, 0).assignments;
  typed_table.set_all(assignments);

  RunRequest<Options> request{.options = defaults};
  OptionTable table = request_table(request, table_of);
  set_layers(table, {.resume = run_of(typed.options).resume, .out = run_of(typed.options).out,
                     .config = typed.config});
  prepare(request.options);
  table.set_all(assignments);
  return {request.options, std::move(assignments)};
}

// --help of a kind of run: the introduction, every option with its default, and how runs end.
std::string run_help(const std::string& introduction, const OptionTable& table,
                     std::size_t width);
template <class Options>
std::string run_help(const std::string& introduction, const Options& defaults,
                     OptionTable (*table_of)(Options&), std::size_t width) {
  RunRequest<Options> request{.options = defaults};
  return run_help(introduction, request_table(request, table_of), width);
}

// The resolved options as a file that --config reads.
template <class Options>
std::string run_config_text(Options options, OptionTable (*table_of)(Options&)) {
  return std::string(kConfigHeading) + to_ini(table_of(options));
}

}  // namespace rl::cli
