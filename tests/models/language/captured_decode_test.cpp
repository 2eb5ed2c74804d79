// Which passes become graphs, how many are kept, and what happens when none can be made.
#include "src/models/language/captured_decode.h"

#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include <string>

#include "models/language/stand_in_graphs.h"
#include "support/torch_doctest.h"

using namespace rl;
using namespace rl::lm;
using namespace rl::testing;

namespace {

// Spans of one token each; a token is its row's number. Their pages are all of one number.
class Spans {
 public:
  // Of the first_position of each.
  explicit Spans(const std::vector<std::size_t>& positions) : tokens_(positions.size()) {
    for (std::size_t row = 0; row < positions.size(); ++row) {
      tokens_[row] = static_cast<std::int32_t>(row);
      spans_.push_back({std::span(tokens_).subspan(row, 1), positions[row],
                        {.key_pages = {}, .value_pages = {}, .pages = pages_}});
    }
  }
  operator std::span<const language::TokenSpan>() const { return spans_; }
  std::size_t size() const { return spans_.size(); }

 private:
  std::vector<std::int32_t> tokens_;
  std::vector<language::PageId> pages_ = std::vector<language::PageId>(1000, 0);
  std::vector<language::TokenSpan> spans_;
};

// Logits are a row's token and its position.
class Decode {
 public:
  explicit Decode(const CapturedDecode::Limits& limits, bool fails = false)
      : decode_(limits, cache_, graphs(fails), [](const at::Tensor& tokens, const CachePlan& plan) {
          return at::stack({tokens, plan.positions()}, 1);
        }) {
    cache_.add_page();
  }

  // Makes and checks the pass; false when it is not taken.
  bool run(const Spans& spans) {
    if (!decode_.takes(spans)) return false;
    std::vector<float> logits(2 * spans.size(), -1.0F);
    decode_.run(spans, logits.data());
    std::size_t row = 0;
    for (const language::TokenSpan& span : std::span<const language::TokenSpan>(spans)) {
      CHECK(logits[2 * row] == static_cast<float>(span.tokens.front()));
      CHECK(logits[2 * row + 1] == static_cast<float>(span.first_position));
      ++row;
    }
    return true;
  }

  GraphCounts counts() const { return *counts_; }

 private:
  std::unique_ptr<StepGraphs> graphs(bool fails) {
    if (fails) return std::make_unique<NoGraphs>(counts_);
    return std::make_unique<StandInGraphs>(counts_);
  }

  std::shared_ptr<GraphCounts> counts_ = std::make_shared<GraphCounts>();
  DeviceCache cache_{{.layers = 1, .positions = 16, .row = 4}, 2, at::TensorOptions()};
  CapturedDecode decode_;
};

constexpr CapturedDecode::Limits kLimits{.sequences = 20, .context = 1000, .vocabulary = 2};

// Keeps LibTorch's warnings.
class Warnings final : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { text += warning.msg(); }
  std::string text;
};

}  // namespace

TEST_SUITE("captured decode") {
  TEST_CASE("the first pass of a bucket is an ordinary one, the second makes the graph") {
    Decode decode(kLimits);
    CHECK(decode.run(Spans({5, 6})));
    CHECK(decode.counts().made == 0);
    CHECK(decode.run(Spans({6, 7})));
    CHECK(decode.counts().made == 1);
    CHECK(decode.counts().replays == 1);
    CHECK(decode.run(Spans({7, 127})));
    CHECK(decode.counts().made == 1);
    CHECK(decode.counts().replays == 2);
  }

  TEST_CASE("buckets are powers of two of sequences and positions, from 128 to the limits") {
    Decode decode(kLimits);
    const auto made_by = [&](const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
      const int before = decode.counts().made;
      REQUIRE(decode.run(Spans(a)));
      REQUIRE(decode.run(Spans(b)));
      return decode.counts().made - before;
    };
    CHECK(made_by({0}, {127}) == 1);
    CHECK(made_by({128}, {255}) == 1);
    CHECK(made_by({1, 2, 3}, {1, 2, 3, 127}) == 1);
    CHECK(made_by({1, 2, 3, 4, 5}, {1, 2, 300}) == 0);  // two buckets
    CHECK(made_by({600}, {999}) == 1);
    CHECK(made_by(std::vector<std::size_t>(17, 1), std::vector<std::size_t>(20, 1)) == 1);
  }

  TEST_CASE("a batch above the limits, a longer span and a pass of much memory are not taken") {
    Decode decode(kLimits);
    CHECK_FALSE(decode.run(Spans(std::vector<std::size_t>(21, 1))));
    CHECK_FALSE(decode.run(Spans({})));
    const std::vector<std::int32_t> tokens{1, 2};
    const std::vector<language::PageId> pages{0};
    const language::TokenSpan two{tokens, 0, {.key_pages = {}, .value_pages = {}, .pages = pages}};
    DeviceCache cache({.layers = 1, .positions = 16, .row = 1 << 14}, 1, at::TensorOptions());
    const CapturedDecode large({.sequences = 64, .context = 1000, .vocabulary = 2}, cache,
                               std::make_unique<StandInGraphs>(std::make_shared<GraphCounts>()),
                               {});
    CHECK_FALSE(large.takes(std::span(&two, 1)));
    CHECK(large.takes(Spans({5})));
    CHECK(large.takes(Spans(std::vector<std::size_t>(32, 5))));       // 256 MiB of keys
    CHECK_FALSE(large.takes(Spans(std::vector<std::size_t>(33, 5))));
  }

  TEST_CASE("so many graphs are kept, and the one that was not used for longest goes") {
    CapturedDecode::Limits limits = kLimits;
    limits.graphs = 2;
    Decode decode(limits);
    const Spans one({1});
    const Spans two({1, 2});
    const Spans four({1, 2, 3, 4});
    for (const Spans* spans : {&one, &one, &two, &two, &one, &four, &four}) decode.run(*spans);
    CHECK(decode.counts().made == 3);
    CHECK(decode.counts().alive == 2);
    decode.run(one);
    CHECK(decode.counts().made == 3);
    decode.run(two);
    CHECK(decode.counts().made == 4);
    CHECK(decode.counts().alive == 2);
  }

  TEST_CASE("a graph that cannot be made costs no step: the reason is told, none is tried again") {
    Warnings warnings;
    const c10::WarningUtils::WarningHandlerGuard guard(&warnings);
    Decode decode(kLimits, /*fails=*/true);
    CHECK(decode.run(Spans({5})));
    CHECK(decode.run(Spans({6})));
    CHECK(decode.counts().made == 1);
    CHECK(warnings.text.find("no room for a graph") != std::string::npos);
    CHECK_FALSE(decode.run(Spans({7})));
    CHECK(decode.counts().made == 1);
  }
}
