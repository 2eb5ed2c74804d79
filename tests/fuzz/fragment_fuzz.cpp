// Any bytes as a fragment's block: refused, or a fragment of that size whose every row can be read.
#include <cstring>

#include "fuzz/target.h"
#include "rl/core/fragment.h"
#include "transport/fixtures.h"

namespace {

using namespace rl;
using namespace rl::fuzz;

void use(const std::shared_ptr<const FragmentSchema>& schema, const EnvironmentSpec& spec,
         Input block) {
  answers([&] {
    const Fragment fragment = Fragment::from_block(schema, block);
    require(fragment.block().size() == block.size(), "a fragment has its block's size");
    require(std::memcmp(fragment.block().data(), block.data(), block.size()) == 0,
            "a fragment has its block's bytes");
    (void)find_defect(fragment, spec);
    const Fragment half = fragment.prefix((fragment.num_steps() + 1) / 2);
    require(half.num_steps() <= fragment.num_steps(), "a prefix is no longer");
    require(fragment.continuation().size() == fragment.header().continuation_bytes,
            "the continuation is what the header says");
  });
}

}  // namespace

RL_FUZZ_TARGET(fragment) {
  static const EnvironmentSpec spec = transport::small_environment();
  static const auto schema = std::make_shared<const FragmentSchema>(make_schema(spec));
  use(schema, spec, input);
  if (input.size() < sizeof(std::uint64_t)) return;
  Bytes block(input.begin(), input.end());
  const std::uint64_t digest = schema->digest();
  std::memcpy(block.data(), &digest, sizeof digest);
  use(schema, spec, block);
}
