// What really happened to every fragment and every version, against which the two ends are held.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/transport/learner_protocol.h"
#include "src/transport/worker_protocol.h"

namespace rl::transport::simulator {

// An invariant does not hold. The text says which, and for whom.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* invariant, std::uint64_t whose = 0) {
  if (!holds) throw Broken(std::string(invariant) + " (" + std::to_string(whose) + ")");
}

// A session's life, from the worker's first hello on.
struct SessionRecord {
  std::uint64_t learner_life = 0;  // whose welcome the worker took; 0: none
  std::map<std::uint64_t, std::uint64_t> worker_ids{};  // by the learner's life that admitted it
  std::deque<FragmentPtr> undelivered{};  // produced, in order
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t produced_bytes = 0;
  std::uint64_t unread_bytes = 0;
  std::uint64_t credit_limit = 0;  // the highest that the learner granted
  std::uint64_t newest_version = 0;
};

// Every check is made after every event of the end that it concerns. Threads: one at a time.
class Ledger {
 public:
  void welcomed(std::uint64_t session, std::uint64_t learner_life);
  void produced(std::uint64_t session, FragmentPtr fragment);
  // Into the inbox of the learner's present life.
  void delivered(const ReceivedFragment& received, std::uint64_t learner_life);
  enum class Fate : std::uint8_t { consumed, dropped };  // dropped: its place is taken already
  void read(const Fragment& fragment, Fate fate);        // leaves the inbox
  // What waited unread ended with the learner.
  void lost_with_learner(std::uint64_t fragments);
  void published(std::uint64_t learner_life, std::uint64_t version,
                 std::shared_ptr<const Bytes> image);
  void acted_on(std::uint64_t session, const WeightSnapshot& weights);

  void check_learner(const LearnerProtocol& learner, std::uint64_t learner_life,
                     const LearnerOptions& options, std::size_t num_slots);
  void check_worker(const WorkerProtocol& worker, std::uint64_t session) const;
  // All that was ever delivered is consumed, dropped, lost with a learner, or unread.
  void check_fates(std::uint64_t unread) const;

  const SessionRecord& session(std::uint64_t number) const { return sessions_.at(number); }
  void open(std::uint64_t session) { sessions_[session]; }
  std::uint64_t num_consumed() const { return consumed_; }
  std::uint64_t num_delivered() const { return delivered_; }

 private:
  std::unordered_map<std::uint64_t, SessionRecord> sessions_{};
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::shared_ptr<const Bytes>> images_{};
  std::uint64_t delivered_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t lost_with_learner_ = 0;
  std::uint64_t present_life_ = 0;
  std::uint64_t delivered_in_life_ = 0;
};

}  // namespace rl::transport::simulator
