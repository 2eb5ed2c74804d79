// Puts the fragments of a round in an order that no worker can influence.
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
  stale_round,  // of a round that is over, or not to begin yet
};

// Rounds up to a set number ahead of the open one are kept until their turn comes (texts of
// asynchronous runs). A round is complete when every environment delivered the fragment that ends it and all before.
// Fragments that a replaced worker made again are recognised by their sequence number. Refused ones
// (values out of spec) count as delivered: their environment has made those steps and stands behind
// them, so their sequence numbers are spent and their continuation is where it goes on, but they
// are not among what take() gives.
// Threads: one thread at a time.
class RoundAssembler {
 public:
  explicit RoundAssembler(std::size_t num_environments, std::uint64_t rounds_ahead = 0);

  void begin(std::uint64_t round);  // the one after take()
  Arrival add(FragmentPtr fragment);  // header.environment < num_environments
  Arrival refuse(const FragmentHeader& header, Bytes continuation);  // likewise
  bool complete() const { return num_complete_ == environments_.size(); }
  std::vector<std::uint64_t> missing() const;  // environments that are not complete

  // The complete round's fragments, ordered by environment and sequence, without the refused ones;
  // the next round starts behind all of them.
  std::vector<FragmentPtr> take();

  // Where each environment stands behind the last complete round; empty before the first.
  const std::vector<Bytes>& continuations() const { return continuations_; }

  // Usable fragments of rounds that are not complete. save_state() leaves them out: whoever goes on
  // from it has them made again.
  std::size_t num_held() const;

  Bytes save_state() const;
  void load_state(std::span<const std::byte> state);  // throws Error; then nothing changed

 private:
  struct Piece {
    FragmentPtr fragment;  // null: refused
    std::uint64_t round = 0;
    bool ends_round = false;
    Bytes continuation;    // of the piece that ends the round
  };
  using Pieces = std::map<std::uint64_t, Piece>;  // by sequence
  struct Lane {
    std::uint64_t next_sequence = 0;  // first of the open round
    Pieces pieces;
    bool complete = false;
  };
  Arrival put(const FragmentHeader& header, Piece piece);
  // The piece that ends the open round, when all before it are here; else the end.
  Pieces::const_iterator last_of_round(const Lane& lane) const;
  void look_at(Lane& lane);

  std::vector<Lane> environments_;
  std::vector<Bytes> continuations_;
  std::uint64_t rounds_ahead_;
  std::uint64_t round_ = 0;
  std::size_t num_complete_ = 0;
};

}  // namespace rl
