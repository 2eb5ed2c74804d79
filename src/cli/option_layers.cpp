#include "src/cli/option_layers.h"

#include <filesystem>

#include "rl/cli/help.h"
#include "rl/cli/ini.h"
#include "rl/cli/train_option_table.h"
#include "rl/core/error.h"

namespace rl::cli {
namespace {

// A folder without a configuration is a run that was killed in its first moments.
void set_resumed(OptionTable& table, const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw Error({.where = kCommandLine,
                 .what = "there is no run to resume in " + folder.string(),
                 .expected = "--out to name the folder of an earlier run",
                 .remedy = "correct --out, or start a new run without --resume"});
  }
  const std::filesystem::path path = folder / kRunConfigName;
  if (std::filesystem::exists(path)) table.set_all(read_ini(path.string(), table));
}

}  // namespace

void set_layers(OptionTable& table, const OptionLayers& layers) {
  if (layers.resume) set_resumed(table, layers.out);
  if (!layers.config.empty()) table.set_all(read_ini(layers.config, table));
}

void add_config(OptionTable& table, std::string& config) {
  table.group("Configuration");
  table.add({"config", &config, "FILE", {},
             "read options from an INI file; the command line wins", {}, false});
}

std::string run_help(const std::string& introduction, const OptionTable& table,
                     std::size_t width) {
  return introduction + "\n" + option_help(table, width) +
         "\nNumbers may be written 100000, 100_000 or 1e5. A flag may be followed by true or "
         "false.\n"
         "Exit status: 0 the run ended by itself, 3 it was stopped and can be resumed, 1 it "
         "failed,\n"
         "2 an option was wrong, 130 or 143 it was stopped at once.\n";
}

}  // namespace rl::cli
