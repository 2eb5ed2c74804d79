#include "learner/round_assembler.h"

#include <iterator>

#include "rl/core/error.h"

namespace rl {

RoundAssembler::RoundAssembler(std::size_t num_environments, std::uint64_t rounds_ahead)
    : environments_(num_environments),
      continuations_(num_environments),
      rounds_ahead_(rounds_ahead) {}

void RoundAssembler::begin(std::uint64_t round) {
  round_ = round;
  num_complete_ = 0;
  for (Lane& lane : environments_) {
    lane.complete = false;
    look_at(lane);
  }
}

RoundAssembler::Pieces::const_iterator RoundAssembler::last_of_round(const Lane& lane) const {
  std::uint64_t expected = lane.next_sequence;
  for (auto piece = lane.pieces.begin(); piece != lane.pieces.end(); ++piece, ++expected) {
    if (piece->first != expected || piece->second.round != round_) break;
    if (piece->second.ends_round) return piece;
  }
  return lane.pieces.end();
}

void RoundAssembler::look_at(Lane& lane) {
  if (lane.complete || last_of_round(lane) == lane.pieces.end()) return;
  lane.complete = true;
  ++num_complete_;
}

Arrival RoundAssembler::add(FragmentPtr fragment) {
  const FragmentHeader& header = fragment->header();
  const auto continuation = fragment->continuation();
  return put(header, {.fragment = fragment,
                      .round = header.round,
                      .ends_round = header.ends_round != 0,
                      .continuation = {continuation.begin(), continuation.end()}});
}

Arrival RoundAssembler::refuse(const FragmentHeader& header, Bytes continuation) {
  return put(header, {.fragment = nullptr,
                      .round = header.round,
                      .ends_round = header.ends_round != 0,
                      .continuation = std::move(continuation)});
}

Arrival RoundAssembler::put(const FragmentHeader& header, Piece piece) {
  if (header.round < round_ || header.round - round_ > rounds_ahead_) return Arrival::stale_round;
  Lane& lane = environments_[header.environment];
  if (header.sequence < lane.next_sequence) return Arrival::duplicate;
  if (!lane.pieces.emplace(header.sequence, std::move(piece)).second) return Arrival::duplicate;
  look_at(lane);
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
    const auto last = last_of_round(lane);
    continuations_[i] = last->second.continuation;
    lane.next_sequence = last->first + 1;
    const auto behind = std::next(last);
    for (auto piece = lane.pieces.cbegin(); piece != behind; ++piece) {
      if (piece->second.fragment) fragments.push_back(piece->second.fragment);
    }
    lane.pieces.erase(lane.pieces.cbegin(), behind);
    lane.complete = false;
  }
  num_complete_ = 0;
  return fragments;
}

std::size_t RoundAssembler::num_held() const {
  std::size_t held = 0;
  for (const Lane& lane : environments_) {
    for (const auto& [sequence, piece] : lane.pieces) held += piece.fragment ? 1 : 0;
  }
  return held;
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
