// The worker's end of the connection to a learner.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "rl/core/bytes.h"
#include "rl/core/clock.h"
#include "rl/core/error.h"
#include "rl/core/fragment.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/transport/options.h"

namespace rl::transport {

// The learner was silent for longer than options.learner_timeout. Connecting again may help.
class LearnerLost : public Error {
 public:
  using Error::Error;
};

// What a worker says when it arrives.
struct Hello {
  std::string worker_name{};        // for people; need not be unique
  std::uint64_t run_id = 0;         // 0: any run
  std::uint64_t spec_digest = 0;    // digest(EnvironmentSpec); 0: takes the learner's environment
  std::string spec_text{};          // describe(EnvironmentSpec), shown on both sides of a refusal
  std::int32_t wanted_slot = -1;    // -1: any
};

// What the learner answers.
struct Welcome {
  std::uint64_t run_id = 0;
  std::uint64_t worker_id = 0;    // unique within the run
  std::uint32_t slot = 0;         // which share of the environments this worker has
  std::uint32_t num_slots = 0;
  std::string run_config;         // INI text: environment, seed, sizes (see rollout/run_config.h)
  Bytes assignment;               // state to continue from, made by the learner; may be empty
  std::uint64_t weight_version = 0;  // newest published; 0: none yet
};

// Shown in heartbeats. Times are of this connection.
struct WorkerProgress {
  std::uint64_t steps = 0;
  Nanoseconds alive{};
  Nanoseconds waited{};  // of these, for weights or credit
};

// One connection, driven by its owner's thread: every call sends, receives and keeps the
// connection alive on the way. Messages and guarantees: docs/wire.md.
// Threads: one thread at a time. Nothing blocks longer than the deadline given.
class WorkerEndpoint {
 public:
  WorkerEndpoint(WorkerOptions options, Hello hello, const Clock& clock = steady_clock());
  ~WorkerEndpoint();  // drops what is unacknowledged: call close() first

  // Retries with backoff until the deadline. Throws Error with the learner's reason when refused,
  // or naming the address when nobody answered.
  Welcome connect(std::chrono::milliseconds deadline);

  // The schema of the fragments of this run; before the first send.
  void set_schema(std::shared_ptr<const FragmentSchema> schema);

  // Queues a fragment in the ring of unacknowledged ones. False when no credit came before the
  // deadline; then the fragment was not taken. Small fragments leave together: see flush().
  bool send(FragmentPtr fragment, std::chrono::milliseconds deadline);
  // Sends what is gathered now.
  void flush();

  // The newest complete weights not yet taken, or nullopt.
  std::optional<WeightSnapshot> take_weights();
  // The same, waiting for a version >= `at_least`; nullopt at the deadline or when told to stop.
  std::optional<WeightSnapshot> wait_for_weights(std::uint64_t at_least,
                                                 std::chrono::milliseconds deadline);

  // Exchanges messages for at most this long (0: what is ready). Every call that exchanges
  // messages throws LearnerLost when the learner was silent for options.learner_timeout.
  void pump(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));
  void report_progress(const WorkerProgress& progress);

  bool stop_requested() const;         // the learner wants no more
  std::size_t unacknowledged() const;  // fragments in the ring

  // Says goodbye and waits until the last fragment is acknowledged. False at the deadline: the
  // unacknowledged fragments are lost, and the learner counts them.
  bool close(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::transport
