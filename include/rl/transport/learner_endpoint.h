// The learner's end: one socket for all workers.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/clock.h"
#include "rl/core/fragment.h"
#include "rl/core/spec.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/transport/options.h"

namespace rl::transport {

// Constant facts of a run, told to every worker.
struct RunManifest {
  std::uint64_t run_id = 0;
  EnvironmentSpec environment;
  std::shared_ptr<const FragmentSchema> schema;
  std::string run_config;       // INI text for Welcome
  std::uint32_t num_slots = 1;  // workers that can hold a share at once
};

struct ReceivedFragment {
  FragmentPtr fragment;
  std::uint64_t worker_id = 0;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;  // the fragment's number in its worker's stay, from 1
};

// Why a produced fragment never reached the learner's tables. The learner adds its own reasons.
enum class DropReason : std::uint8_t {
  duplicate, malformed, out_of_spec, over_credit, worker_lost, shutdown, count_
};

// A fragment that was dropped although its header could be read: what a learner that counts on
// every fragment of a round needs to go on without this one.
struct RefusedFragment {
  FragmentHeader header{};      // Fragment::read_header() found nothing wrong
  DropReason reason{};          // malformed, out_of_spec or over_credit
  std::string defect{};         // a sentence for the log
  Bytes continuation{};         // out_of_spec: the fragment's; otherwise empty
  std::uint64_t worker_id = 0;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;  // as of ReceivedFragment
};

enum class WorkerEventKind : std::uint8_t { joined, left, lost, refused, misbehaved };

struct WorkerEvent {
  WorkerEventKind kind;
  std::uint64_t worker_id = 0;  // 0 when refused
  std::uint32_t slot = 0;
  std::string worker_name;
  std::string reason;  // a sentence for the log
  // left and lost: the fragments numbered above `settled`, up to `produced`, never arrived.
  std::uint64_t settled = 0;
  std::uint64_t produced = 0;
  DropReason missing{};  // what those count as
};

// Why the gate of a tcp address with keys closed a connection (docs/security.md).
enum class Rejection : std::uint8_t {
  // before it was let in
  not_zmtp,       // another protocol, or ZeroMQ's of before version 3
  not_curve,      // another mechanism
  bad_handshake,  // out of turn, or of the wrong size
  wrong_key,      // not on the list, banned, or made for another learner
  too_slow,
  crowded_out,    // too many arrived at once, and most of them from there
  left_early,     // closed by itself
  // after it was let in
  bad_frame,           // no encrypted one
  giant_frame,         // above limits.max_message_bytes
  unfinished_message,  // more than two of the longest messages, and none has ended
  tiny_frames,         // many frames too small for a message
  hoarding,            // held most of what was unfinished when that was too much in all
  silent,              // nothing complete for as long as a lost worker is waited for
  shut_out,            // banned, or its key is not on the list any more
  count_
};
const char* reason_text(Rejection reason);

struct TransportCounters {
  std::uint64_t fragments_received = 0;   // accepted into the inbox
  std::uint64_t steps_received = 0;
  std::uint64_t bytes_received = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::count_)> dropped{};  // fragments
  std::uint64_t produced = 0;             // highest sequence each worker session reported, summed
  std::uint64_t weight_bytes_sent = 0;
  std::uint64_t hellos_refused = 0;
  std::uint64_t stray_messages = 0;       // of a session that has ended, never was, or is another's
  // Of a tcp address with keys.
  std::uint64_t connections_let_in = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Rejection::count_)> connections_rejected{};
};

struct WorkerStatus {
  std::uint64_t worker_id = 0;
  std::uint32_t slot = 0;
  std::string name;
  std::uint64_t steps = 0;           // from its heartbeats
  std::uint64_t last_sequence = 0;
  std::uint64_t weight_version = 0;
  Nanoseconds alive{};               // by its own clock, since it joined
  Nanoseconds waited{};              // of these, for weights or credit
  Nanoseconds last_heard{};
};

// Receives experience on an own thread, validates it (length, checksum, schema, find_defect), keeps
// it in a bounded inbox and acknowledges it; serves weights; watches over the workers.
// Threads: every method may be called from any thread.
class LearnerEndpoint {
 public:
  // Binds at once, and raises the process's soft limit of open files where its slots need that.
  // Throws Error when the address is in use, malformed, or a wide bind lacks keys, or when the hard
  // limit is too low.
  LearnerEndpoint(LearnerOptions options, RunManifest manifest, const Clock& clock = steady_clock());
  ~LearnerEndpoint();

  // Where workers connect: options.bind with a wildcard port resolved.
  std::string address() const;

  // Bytes a worker taking this slot is told to continue from. Replaces the earlier ones.
  void set_assignment(std::uint32_t slot, Bytes assignment);

  // Announces new weights to all workers; later joiners get the newest. Version must rise.
  void publish(const WeightSnapshot& snapshot);

  // Next fragment from the inbox, or nullopt: at the deadline, or early, once, after fragments were
  // refused. Taking it returns its bytes of credit to the worker that sent it.
  // Throws Error when the endpoint's thread has ended (memory ran out): workers are alone then.
  std::optional<ReceivedFragment> receive(std::chrono::milliseconds deadline);

  // Next refused fragment. The newest 65,536 are kept; counters().dropped has them all.
  std::optional<RefusedFragment> poll_refused();

  std::optional<WorkerEvent> poll_event();
  std::vector<WorkerStatus> workers() const;
  TransportCounters counters() const;

  // Bans the worker's key (without keys: its connection) until the learner restarts, ends its
  // sessions as lost and says so in an event. For what only the learner can find out, e.g. lies.
  void quarantine(std::uint64_t worker_id, const std::string& why);

  // Tells all workers to stop and waits until they said goodbye. False at the deadline.
  // Fragments that arrive meanwhile are still received.
  bool stop_workers(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::transport
