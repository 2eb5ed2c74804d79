// Attention of single rows by numbers on the device, beside the same by the spans.
#include "src/models/language/cache_plan.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <limits>

#include "models/language/tiny_models.h"
#include "support/torch_doctest.h"

using namespace rl;
using namespace rl::lm;
using namespace rl::testing;

namespace {

constexpr std::int64_t kHeads = 2, kDim = 6;

at::Tensor random(at::IntArrayRef sizes, std::uint64_t seed) {
  const at::Tensor tensor = at::empty(sizes, at::kFloat);
  fill_random(tensor, seed);
  return tensor;
}

// Of nothing but NaN, as memory may be.
DeviceCache cache_of_nan(std::size_t pages) {
  DeviceCache cache({.layers = 2, .positions = 4, .row = kHeads * kDim}, kHeads,
                    at::TensorOptions());
  for (std::size_t page = 0; page < pages; ++page) cache.add_page();
  for (const std::int64_t layer : {0, 1}) {
    cache.keys(layer).fill_(std::numeric_limits<float>::quiet_NaN());
    cache.values(layer).fill_(std::numeric_limits<float>::quiet_NaN());
  }
  return cache;
}

}  // namespace

TEST_SUITE("cache plan") {
  TEST_CASE("single rows attend as spans do, and rows that are padding touch nobody's pages") {
    const std::vector<std::int32_t> tokens(9, 0);
    const std::vector<language::PageId> pages_a{3, 0, 5}, pages_b{1};
    const auto span = [&](std::size_t first, std::size_t count,
                          const std::vector<language::PageId>& pages) {
      return language::TokenSpan{std::span(tokens).first(count), first,
                                 {.key_pages = {}, .value_pages = {}, .pages = pages}};
    };
    DeviceCache cache = cache_of_nan(6);
    const std::vector<language::TokenSpan> prompts{span(0, 9, pages_a), span(0, 2, pages_b)};
    CachePlan(prompts, cache).attend(cache, 1, random({11, 6, kDim}, 1),
                                     random({11, kHeads, kDim}, 2), random({11, kHeads, kDim}, 3),
                                     0.4);
    DeviceCache other = cache_of_nan(6);
    other.keys(1).copy_(cache.keys(1));
    other.values(1).copy_(cache.values(1));

    const std::vector<language::TokenSpan> singles{span(9, 1, pages_a), span(2, 1, pages_b)};
    const at::Tensor query = random({4, 6, kDim}, 4);
    const at::Tensor key = random({4, kHeads, kDim}, 5);
    const at::Tensor value = random({4, kHeads, kDim}, 6);
    const at::Tensor expected = CachePlan(singles, cache).attend(
        cache, 1, query.narrow(0, 0, 2), key.narrow(0, 0, 2), value.narrow(0, 0, 2), 0.4);

    const std::int64_t spare = other.spare_page();
    const at::Tensor positions = at::tensor(std::vector<std::int64_t>{9, 2, 0, 0});
    const at::Tensor pages = at::full({4, 3}, spare, at::kLong);
    pages.select(0, 0).copy_(at::tensor(std::vector<std::int64_t>{3, 0, 5}));
    pages.select(0, 1).select(0, 0).fill_(1);
    const CachePlan plan(positions, pages, 12, other);
    const at::Tensor out = plan.attend(other, 1, query, key, value, 0.4);
    CHECK(at::equal(plan.positions(), positions));
    CHECK(at::allclose(out.narrow(0, 0, 2), expected, 1e-5, 1e-6));
    CHECK(out.isfinite().all().item<bool>());
    const std::int64_t owned = 4 * spare;
    CHECK(at::equal(other.keys(1).narrow(0, 0, owned).nan_to_num(7.0),
                    cache.keys(1).narrow(0, 0, owned).nan_to_num(7.0)));
    CHECK(at::equal(other.values(1).narrow(0, 0, owned).nan_to_num(7.0),
                    cache.values(1).narrow(0, 0, owned).nan_to_num(7.0)));
    CHECK(cache.keys(0).isnan().all().item<bool>());
  }
}

TEST_SUITE("device cache") {
  TEST_CASE("it grows by doubling, keeps what is in it, and tells that its memory is another") {
    DeviceCache cache({.layers = 1, .positions = 4, .row = 6}, 1, at::TensorOptions());
    CHECK(cache.generation() == 0);
    for (int page = 0; page < 16; ++page) cache.add_page();
    CHECK(cache.generation() == 1);
    CHECK(cache.spare_page() == 16);
    const at::Tensor keys = random({64, 1, 6}, 1);
    cache.keys(0).narrow(0, 0, 64).copy_(keys);
    cache.add_page();
    CHECK(cache.generation() == 2);
    CHECK(cache.spare_page() == 32);
    CHECK(at::equal(cache.keys(0).narrow(0, 0, 64), keys));
    CHECK(cache.row_bytes() == 24);
  }
}
