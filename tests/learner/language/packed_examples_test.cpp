#include "learner/language/packed_examples.h"

#include "tests/learner/language/examples.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using tests::example;

std::vector<std::int64_t> values(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
}

}  // namespace

TEST_SUITE("packed examples") {
  TEST_CASE("every row's target is the next token of its own example, where that is in the loss") {
    const auto one = example("ab", "c");
    const auto two = example("", "de");
    const Examples both{&one, &two};
    const PackedExamples packed = pack_examples(both, at::kCPU);
    CHECK(packed.tokens.lengths == std::vector<std::int64_t>{4, 3});
    CHECK(values(packed.tokens.tokens) ==
          std::vector<std::int64_t>{'a', 'b', 'c', 257, 'd', 'e', 257});
    CHECK(values(packed.targets) == std::vector<std::int64_t>{-1, 'c', 257, -1, 'e', 257, -1});
    CHECK(packed.loss_tokens == 4);
  }

  TEST_CASE("a split keeps the order and the budget; what is longer stands alone") {
    const auto one = example("a", "b");
    const auto two = example("abcdef", "g");
    const Examples all{&one, &one, &two, &one};
    CHECK(split_examples(all, 6) ==
          std::vector<Examples>{{&one, &one}, {&two}, {&one}});
    CHECK(split_examples(all, 100) == std::vector<Examples>{all});
    CHECK(split_examples({}, 100).empty());
  }
}

}  // namespace rl
