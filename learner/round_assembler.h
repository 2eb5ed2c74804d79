// Puts the fragments of a lockstep round in an order that no worker can influence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/fragment.h"

namespace rl {

// What became of a fragment.
enum class Arrival : std::uint8_t {
  accepted,
  duplicate,    // this environment's sequence number is already here
  stale_round,  // of another round than the open one
};

// A round is complete when every environment delivered the fragment that ends it and all before.
// Fragments that a replaced worker made again are recognised by their sequence number. Refused ones
// (values out of spec) count as delivered: their environment has made those steps and stands behind
// them, so their sequence numbers are spent and their continuation is where it goes on, but they
// are not among what take() gives.
// Threads: one thread at a time.
class RoundAssembler {
 public:
  explicit RoundAssembler(std::size_t num_environments);

  void begin(std::uint64_t round);
  Arrival add(FragmentPtr fragment);  // header.environment < num_environments
  Arrival refuse(const FragmentHeader& header, Bytes continuation);  // likewise
  bool complete() const { return num_complete_ == environments_.size(); }
  std::vector<std::uint64_t> missing() const;  // environments that are not complete

  // The complete round's fragments, ordered by environment and sequence, without the refused ones;
  // the next round starts behind all of them.
  std::vector<FragmentPtr> take();

  // Where each environment stands behind the last complete round; empty before the first.
  const std::vector<Bytes>& continuations() const { return continuations_; }

  Bytes save_state() const;                       // between rounds
  void load_state(std::span<const std::byte> state);  // throws Error; then nothing changed

 private:
  struct Piece {
    FragmentPtr fragment;  // null: refused
    bool ends_round = false;
    Bytes continuation;    // of the piece that ends the round
  };
  struct Lane {
    std::uint64_t next_sequence = 0;  // first of the open round
    std::map<std::uint64_t, Piece> pieces;
    bool complete = false;
  };
  Arrival put(const FragmentHeader& header, Piece piece);
  static bool is_complete(const Lane& lane);

  std::vector<Lane> environments_;
  std::vector<Bytes> continuations_;
  std::uint64_t round_ = 0;
  std::size_t num_complete_ = 0;
};

}  // namespace rl
