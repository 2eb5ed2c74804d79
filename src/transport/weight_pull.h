// The worker's side of a weight pull: whole or not at all, and newer wins.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "rl/core/clock.h"
#include "rl/formats/weight_snapshot.h"
#include "src/transport/weight_messages.h"

namespace rl::transport {

struct WeightPullCounters {
  std::uint64_t foreign_run = 0;   // notices or chunks of another run
  std::uint64_t not_newer = 0;     // notices of a version that is here already, or older
  std::uint64_t wrong_digest = 0;  // chunks or images
  std::uint64_t abandoned = 0;     // pulls given up for a newer version
};

// Collects chunks in any order until the image is whole and its digest is right. Everything that
// arrives late, twice, or for another version is ignored. A newer notice does not end a pull under
// way, or a worker whose pulls take longer than versions last would never have one; heard again,
// it means that the learner has let go of the version that is pulled.
// Threads: one at a time.
class WeightPull {
 public:
  explicit WeightPull(const Limits& limits) : limits_(limits) {}

  // Whose notices count: those of this start of the run's learner.
  void set_learner(std::uint64_t run_id, std::uint64_t learner) {
    run_id_ = run_id;
    learner_ = learner;
  }
  void on_notice(const NoticeMessage& notice, Nanoseconds now);
  void on_chunk(const ChunkHeader& header, std::span<const std::byte> body, Nanoseconds now);

  // The chunk to ask for now, or nullopt: a window of requests is under way, and those unanswered
  // for too long are repeated.
  std::optional<std::uint32_t> next_request(Nanoseconds now);
  Nanoseconds next_repeat() const;  // when the oldest unanswered request is; max: nothing to ask
  std::uint64_t pulling() const { return notice_.version; }  // 0: nothing

  std::uint64_t newest_version() const { return newest_; }  // complete; 0: none
  // Reconnected: what was asked for may be lost.
  void forget_requests() { asked_.clear(); }
  const std::optional<WeightSnapshot>& complete() const { return complete_; }
  std::optional<WeightSnapshot> take();
  const WeightPullCounters& counters() const { return counters_; }

 private:
  void start(const NoticeMessage& notice, Nanoseconds now);
  void finish(Nanoseconds now);
  std::size_t num_chunks() const { return have_.size(); }

  const Limits limits_;
  std::uint64_t run_id_ = 0;
  std::uint64_t learner_ = 0;
  std::uint64_t newest_ = 0;
  NoticeMessage notice_{};  // of the pull under way
  NoticeMessage newer_{};   // the newest heard of meanwhile
  Bytes image_{};
  std::vector<bool> have_{};  // per chunk
  std::size_t num_have_ = 0;
  std::uint32_t next_chunk_ = 0;                  // never asked for yet
  std::map<std::uint32_t, Nanoseconds> asked_{};  // unanswered: chunk, when
  std::optional<WeightSnapshot> complete_{};
  WeightPullCounters counters_{};
};

}  // namespace rl::transport
