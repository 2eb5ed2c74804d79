// Any bytes as a run's metric files: how much of them is whole, never more than there is.
#include "fuzz/target.h"
#include "src/reporting/event_file.h"
#include "src/reporting/text_logs.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(metrics) {
  const std::string_view text = as_text(input);
  constexpr std::uint64_t kLast = 1000;
  require(reporting::whole_json_lines(text, kLast) <= text.size(), "no more than there is");
  require(reporting::whole_table_rows(text, kLast) <= text.size(), "no more than there is");
  require(reporting::whole_events(input, kLast) <= input.size(), "no more than there is");
  (void)reporting::columns_of(text);
}
