// Any bytes as a saved replay table: refused, or a table that works and is saved again the same.
#include <cstring>

#include "fuzz/choices.h"
#include "rl/core/checksum.h"
#include "src/replay/table_state.h"
#include "transport/fixtures.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::replay;

constexpr std::chrono::milliseconds kNow{0};

TableOptions options_of(std::uint8_t choice) {
  TableOptions options{.unit = (choice & 1U) != 0 ? ItemUnit::step : ItemUnit::fragment,
                       .sampler = static_cast<Selector>((choice >> 1U) % 4),
                       .remover = static_cast<Selector>((choice >> 3U) % 4),
                       .capacity_steps = 64,
                       .max_times_sampled = (choice & 128U) != 0 ? 2U : 0U,
                       .seed = 9};
  return options;
}

// With the header of these options in front and the right checksum behind.
Bytes framed(const TableOptions& options, Input body) {
  ByteWriter writer;
  write_state_header(writer, options);
  writer.put_raw(body);
  writer.put(crc32c(writer.bytes()));
  return writer.take();
}

void use(Table& table, const std::shared_ptr<const FragmentSchema>& schema) {
  (void)table.sample(2, kNow);
  (void)table.insert(transport::small_fragment(schema, 0, 1), kNow);
  const auto items = table.sample(3, kNow);
  if (!items) return;
  for (const Item& item : *items) {
    require(item.step < item.fragment->num_steps(), "an item is a step of its fragment");
    table.update_priorities(std::span(&item.key, 1), std::vector<double>{0.5});
  }
}

void load(const TableOptions& options, Input state) {
  static const auto schema =
      std::make_shared<const FragmentSchema>(make_schema(transport::small_environment()));
  Table table(options);
  if (!answers([&] { table.load_state(state, schema); })) {
    require(table.num_items() == 0, "a refused state leaves the table empty");
    return;
  }
  const Bytes saved = table.save_state();
  Table again(options);
  again.load_state(saved, schema);
  require(again.save_state() == saved, "what was loaded is saved the same");
  use(table, schema);
}

}  // namespace

RL_FUZZ_TARGET(replay_state) {
  Choices choices(input);
  const TableOptions options = options_of(choices.byte());
  const Input rest = choices.rest();
  load(options, rest);
  load(options, framed(options, rest));
}
