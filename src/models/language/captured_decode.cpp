#include "src/models/language/captured_decode.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <string>
#include <utility>

namespace rl::lm {
namespace {

// Larger passes keep a GPU busy for longer than their launches take, and a graph would hold on to
// the memory they work in.
constexpr std::size_t kMostRows = 256;
constexpr std::size_t kMostGatheredBytes = std::size_t{256} << 20U;  // keys of one layer
constexpr std::size_t kShortestLength = 128;

DecodeBucket largest(const CapturedDecode::Limits& limits) {
  return {.rows = static_cast<std::int64_t>(std::min(limits.sequences, kMostRows)),
          .length = static_cast<std::int64_t>(limits.context)};
}

// Without the page of addresses that LibTorch puts behind it.
std::string told(const std::exception& error) {
  const auto* by_torch = dynamic_cast<const c10::Error*>(&error);
  return by_torch == nullptr ? error.what() : by_torch->what_without_backtrace();
}

}  // namespace

CapturedDecode::CapturedDecode(const Limits& limits, const DeviceCache& cache,
                               std::unique_ptr<StepGraphs> graphs, Forward forward)
    : cache_(cache),
      most_(largest(limits)),
      most_graphs_(limits.graphs),
      inputs_(most_, cache.positions_per_page(), cache.device()),
      logits_(at::empty({most_.rows, static_cast<std::int64_t>(limits.vocabulary)},
                        at::TensorOptions().dtype(at::kFloat).device(cache.device()))),
      forward_(std::move(forward)),
      graphs_(std::move(graphs)) {}

DecodeBucket CapturedDecode::bucket_of(std::span<const language::TokenSpan> spans) const {
  std::size_t length = kShortestLength;
  for (const language::TokenSpan& span : spans) length = std::max(length, span.first_position + 1);
  const auto padded = [](std::size_t count, std::int64_t most) {
    return std::min(static_cast<std::int64_t>(std::bit_ceil(count)), most);
  };
  return {.rows = padded(spans.size(), most_.rows), .length = padded(length, most_.length)};
}

bool CapturedDecode::takes(std::span<const language::TokenSpan> spans) const {
  if (graphs_ == nullptr || spans.empty()) return false;
  if (static_cast<std::int64_t>(spans.size()) > most_.rows) return false;
  const auto is_single = [](const language::TokenSpan& span) { return span.tokens.size() == 1; };
  if (!std::ranges::all_of(spans, is_single)) return false;
  const DecodeBucket bucket = bucket_of(spans);
  return static_cast<std::size_t>(bucket.rows * bucket.length) * cache_.row_bytes() <=
         kMostGatheredBytes;
}

void CapturedDecode::run(std::span<const language::TokenSpan> spans, float* logits) {
  if (cache_.generation() != generation_) drop_graphs();
  generation_ = cache_.generation();
  const DecodeBucket bucket = bucket_of(spans);
  inputs_.write(spans, bucket, cache_.spare_page());
  Step& step = steps_[bucket];
  step.last_run = ++runs_;
  if (step.has_run && step.graph == nullptr) make_graph(step, bucket);
  if (step.graph != nullptr) {
    step.graph->replay();
  } else {
    compute(bucket);
  }
  step.has_run = true;
  const at::Tensor wanted = logits_.narrow(0, 0, static_cast<std::int64_t>(spans.size()));
  // Waits for the device, hence the buffers are free for the next pass.
  at::from_blob(logits, wanted.sizes(), at::kFloat).copy_(wanted);
}

void CapturedDecode::compute(DecodeBucket bucket) {
  const CachePlan plan(inputs_.positions(bucket), inputs_.pages(bucket), bucket.length, cache_);
  logits_.narrow(0, 0, bucket.rows).copy_(forward_(inputs_.tokens(bucket), plan));
}

// Failing costs speed alone, so it ends graphs and not the run.
void CapturedDecode::make_graph(Step& step, DecodeBucket bucket) {
  make_room();
  try {
    std::unique_ptr<StepGraph> graph = graphs_->make();
    graph->capture([this, bucket] { compute(bucket); });
    step.graph = std::move(graph);
  } catch (const std::exception& error) {
    TORCH_WARN("decoding goes on without CUDA graphs, one could not be made: ", told(error));
    drop_graphs();
    graphs_.reset();
  }
}

void CapturedDecode::make_room() {
  auto oldest = steps_.end();
  std::size_t count = 0;
  for (auto step = steps_.begin(); step != steps_.end(); ++step) {
    if (step->second.graph == nullptr) continue;
    ++count;
    if (oldest == steps_.end() || step->second.last_run < oldest->second.last_run) oldest = step;
  }
  if (count >= most_graphs_) oldest->second.graph.reset();
}

void CapturedDecode::drop_graphs() {
  for (auto& [bucket, step] : steps_) step.graph.reset();
}

void CapturedDecode::start_anew() { steps_.clear(); }

}  // namespace rl::lm
