#include "learner/round_assembler.h"

#include "rl/core/error.h"

namespace rl {

RoundAssembler::RoundAssembler(std::size_t num_environments)
    : environments_(num_environments), continuations_(num_environments) {}

void RoundAssembler::begin(std::uint64_t round) { round_ = round; }

bool RoundAssembler::is_complete(const Lane& lane) {
  if (lane.pieces.empty()) return false;
  const auto& [last, piece] = *lane.pieces.rbegin();
  return piece.ends_round && lane.pieces.size() == last - lane.next_sequence + 1;
}

Arrival RoundAssembler::add(FragmentPtr fragment) {
  const FragmentHeader& header = fragment->header();
  const auto continuation = fragment->continuation();
  return put(header, {.fragment = fragment,
                      .ends_round = header.ends_round != 0,
                      .continuation = {continuation.begin(), continuation.end()}});
}

Arrival RoundAssembler::refuse(const FragmentHeader& header, Bytes continuation) {
  return put(header, {.fragment = nullptr,
                      .ends_round = header.ends_round != 0,
                      .continuation = std::move(continuation)});
}

Arrival RoundAssembler::put(const FragmentHeader& header, Piece piece) {
  if (header.round != round_) return Arrival::stale_round;
  Lane& lane = environments_[header.environment];
  if (header.sequence < lane.next_sequence) return Arrival::duplicate;
  if (!lane.pieces.emplace(header.sequence, std::move(piece)).second) return Arrival::duplicate;
  if (!lane.complete && is_complete(lane)) {
    lane.complete = true;
    ++num_complete_;
  }
  return Arrival::accepted;
}

std::vector<std::uint64_t> RoundAssembler::missing() const {
  std::vector<std::uint64_t> indices;
  for (std::size_t i = 0; i < environments_.size(); ++i) {
    if (!environments_[i].complete) indices.push_back(i);
  }
  return indices;
}

std::vector<FragmentPtr> RoundAssembler::take() {
  std::vector<FragmentPtr> fragments;
  for (std::size_t i = 0; i < environments_.size(); ++i) {
    Lane& lane = environments_[i];
    auto& [last, end] = *lane.pieces.rbegin();
    continuations_[i] = std::move(end.continuation);
    lane.next_sequence = last + 1;
    for (auto& [sequence, piece] : lane.pieces) {
      if (piece.fragment) fragments.push_back(std::move(piece.fragment));
    }
    lane.pieces.clear();
    lane.complete = false;
  }
  num_complete_ = 0;
  return fragments;
}

Bytes RoundAssembler::save_state() const {
  ByteWriter out;
  out.put(static_cast<std::uint64_t>(environments_.size()));
  for (std::size_t i = 0; i < environments_.size(); ++i) {
    out.put(environments_[i].next_sequence);
    out.put_bytes(continuations_[i]);
  }
  return out.take();
}

void RoundAssembler::load_state(std::span<const std::byte> state) {
  ByteReader in(state, "saved environment states");
  const auto count = in.get<std::uint64_t>();
  if (count != environments_.size()) {
    throw Error({.where = "saved environment states",
                 .what = "the number of environments differs",
                 .expected = std::to_string(environments_.size()),
                 .got = std::to_string(count),
                 .remedy = "resume with the --num-envs of the first start"});
  }
  std::vector<Lane> lanes(count);
  std::vector<Bytes> continuations(count);
  for (std::size_t i = 0; i < count; ++i) {
    lanes[i].next_sequence = in.get<std::uint64_t>();
    const auto bytes = in.get_bytes();
    continuations[i].assign(bytes.begin(), bytes.end());
  }
  in.expect_end();
  environments_ = std::move(lanes);
  continuations_ = std::move(continuations);
  num_complete_ = 0;
}

}  // namespace rl
