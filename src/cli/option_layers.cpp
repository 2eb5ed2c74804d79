#include "src/cli/option_layers.h"

#include <filesystem>

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

}  // namespace rl::cli
