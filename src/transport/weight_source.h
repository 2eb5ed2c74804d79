// The learner's side of a weight pull: one snapshot, cut into chunks.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "rl/formats/weight_snapshot.h"
#include "src/transport/weight_messages.h"

namespace rl::transport {

// Sealed messages are shared by all workers that pull the same version. The newest few chunks are
// kept sealed: a whole small image, and the stretch that the workers walk through of a large one.
// Threads: one at a time.
class WeightSource {
 public:
  // Of the learner with this number. Computes the image's digest: call it outside any lock. Throws
  // Error for an empty image, one above limits.max_weight_bytes, or version 0.
  WeightSource(WeightSnapshot snapshot, const Limits& limits, std::uint64_t learner);

  std::uint64_t version() const { return snapshot_.version; }
  std::uint64_t image_bytes() const { return snapshot_.image->size(); }
  std::uint32_t num_chunks() const;
  const SharedBytes& notice() const { return notice_; }
  SharedBytes chunk(std::uint32_t index);  // index < num_chunks()

 private:
  WeightSnapshot snapshot_;
  std::size_t chunk_bytes_;
  Digest digest_;
  SharedBytes notice_;
  std::deque<std::pair<std::uint32_t, SharedBytes>> sealed_{};  // newest last
};

}  // namespace rl::transport
