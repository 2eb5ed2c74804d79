// Passes with one new token of each sequence, recorded as graphs and replayed: a step then costs
// one launch instead of one per operation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "rl/language/transformer.h"
#include "src/models/language/cache_plan.h"
#include "src/models/language/decode_inputs.h"
#include "src/models/language/device_cache.h"
#include "src/models/language/step_graph.h"

namespace rl::lm {

// A graph for each bucket of batch sizes and lengths, made when the bucket is used for the second
// time; the first is an ordinary pass, after which every library has what it allocates once.
// Threads: one thread at a time. Does not move: its graphs refer to it.
class CapturedDecode {
 public:
  // A graph of a large model takes some megabytes. All buckets of 64 sequences and 32,768 positions
  // are 63; beyond, the one that was not used for longest goes.
  static constexpr std::size_t kMostGraphs = 64;

  // Tokens [B] and their places to logits [B, vocabulary]. What it reads besides stays where it is
  // until start_anew().
  using Forward = std::function<at::Tensor(const at::Tensor& tokens, const CachePlan& plan)>;
  struct Limits {
    std::size_t sequences = 0;   // in one batch
    std::size_t context = 0;     // positions
    std::size_t vocabulary = 0;
    std::size_t graphs = kMostGraphs;
  };

  // `cache` outlives it.
  CapturedDecode(const Limits& limits, const DeviceCache& cache,
                 std::unique_ptr<StepGraphs> graphs, Forward forward);
  CapturedDecode(const CapturedDecode&) = delete;
  CapturedDecode& operator=(const CapturedDecode&) = delete;

  // Whether run() may be called: one new token of each span, a batch small enough to gain by it.
  // False for good once a graph could not be made; LibTorch's warning tells why.
  bool takes(std::span<const language::TokenSpan> spans) const;
  // The logits of all spans, [spans, vocabulary].
  void run(std::span<const language::TokenSpan> spans, float* logits);

  // The forward pass reads other tensors, or computes in other types: no graph is good any more.
  void start_anew();

 private:
  struct Step {
    bool has_run = false;
    std::unique_ptr<StepGraph> graph{};  // nullptr: not made yet, or dropped
    std::uint64_t last_run = 0;
  };

  DecodeBucket bucket_of(std::span<const language::TokenSpan> spans) const;
  void compute(DecodeBucket bucket);
  void make_graph(Step& step, DecodeBucket bucket);
  void make_room();
  void drop_graphs();

  const DeviceCache& cache_;
  DecodeBucket most_;
  std::size_t most_graphs_;
  DecodeInputs inputs_;
  at::Tensor logits_;  // [most rows, vocabulary]
  Forward forward_;
  std::unique_ptr<StepGraphs> graphs_;  // nullptr when making one has failed
  std::map<DecodeBucket, Step> steps_{};
  std::int64_t generation_ = 0;  // of the cache that the graphs write to
  std::uint64_t runs_ = 0;
};

}  // namespace rl::lm
