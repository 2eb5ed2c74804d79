// Any text as a run's config.ini: refused, or options that are written and read back the same.
#include "fuzz/target.h"
#include "rl/cli/ini.h"
#include "rl/cli/train_option_table.h"

namespace {

using namespace rl;
using namespace rl::fuzz;

std::string read(std::string_view text) {
  static TrainOptions options;
  static cli::OptionTable table = cli::train_option_table(options);
  options = TrainOptions{};
  table.set_all(cli::parse_ini(text, "fuzz.ini", table));
  return cli::to_ini(table);
}

}  // namespace

RL_FUZZ_TARGET(ini) {
  std::string written;
  if (!answers([&] { written = read(as_text(input)); })) return;
  require(read(written) == written, "what was written is read back the same");
}
