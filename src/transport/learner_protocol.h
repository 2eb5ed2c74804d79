// The learner's half of the protocol as a state machine: no socket, no clock, no thread inside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rl/transport/learner_endpoint.h"
#include "src/transport/ended_sessions.h"
#include "src/transport/gate_report.h"
#include "src/transport/messages.h"
#include "src/transport/strikes.h"
#include "src/transport/weight_source.h"

namespace rl::transport {

// One worker's stay, from its welcome to its goodbye or its loss.
//
//   welcomed ──► present ──goodbye, all settled──► left    (remembered, to answer repeats)
//                   └─────silence, a ban, or─────► ended
//                         a newcomer in its slot while its connection is gone
struct Session {
  std::uint64_t number = 0;  // the random one the worker drew
  std::uint64_t worker_id = 0;
  std::uint32_t slot = 0;
  std::string name{};
  std::string peer{};  // where its messages come from now
  std::string user{};  // its CURVE key, or empty
  Nanoseconds last_heard{};
  std::uint64_t settled = 0;   // sequences up to here are received or counted as dropped
  std::uint64_t produced = 0;  // highest sequence it told of
  std::uint64_t settled_bytes = 0;
  std::uint64_t credit_limit = 0;  // settled_bytes may not exceed it
  std::uint64_t steps = 0;
  std::uint64_t weight_version = 0;
  std::uint64_t alive_us = 0;
  std::uint64_t waited_us = 0;
  Nanoseconds weights_offered{};  // last notice or answered request
  Nanoseconds probed{};           // last look whether its connection is still there
  bool gone = false;              // it is not, and nothing was heard from it since
  bool ack_due = false;
  bool gap = false;
};

struct OutgoingMessage {
  std::string peer;
  SharedBytes message;
};

// What arrived and was settled, ready for its owner to take away.
struct LearnerOutput {
  std::vector<OutgoingMessage> messages{};
  std::vector<ReceivedFragment> fragments{};
  std::vector<RefusedFragment> refused{};
  std::vector<WorkerEvent> events{};
  std::vector<std::string> shut_out{};  // keys whose connections are to be closed
};

// Messages may be lost, repeated, delayed and reordered in both directions. `peer` is the return
// address the channel gives a connection; `user` its authenticated key, or empty.
// Threads: one at a time.
class LearnerProtocol {
 public:
  // `number`: random, another one after every start of the learner.
  LearnerProtocol(const LearnerOptions& options, RunManifest manifest, std::uint64_t number);

  void on_message(std::string_view peer, std::string_view user, std::span<const std::byte> message,
                  Nanoseconds now);
  void on_tick(Nanoseconds now);  // finds lost workers
  // A message to this peer found no connection. Its worker may come back over another one; until it
  // does, its slot goes to whoever asks.
  void on_gone(std::string_view peer);
  void on_report(const GateReport& report, Nanoseconds now);
  // Ends the sessions of a key that is not welcome any more.
  void expel(const std::string& user, const std::string& why);
  // Ends a burst of messages: one acknowledgement per session. Then takes what there is to do.
  LearnerOutput take_output();

  void set_assignment(std::uint32_t slot, Bytes assignment);
  void publish(std::unique_ptr<WeightSource> source, Nanoseconds now);
  void fragment_taken(std::uint64_t worker_id, std::size_t bytes);  // its credit returns
  // See LearnerEndpoint.
  void quarantine(std::uint64_t worker_id, const std::string& why);
  void stop();  // tells all workers, and whoever comes later

  bool is_banned(const std::string& user) const { return strikes_.is_banned(user); }
  std::size_t num_sessions() const { return sessions_.size(); }
  const std::unordered_map<std::uint64_t, Session>& sessions() const { return sessions_; }
  std::uint64_t number() const { return number_; }
  std::vector<WorkerStatus> workers() const;
  TransportCounters counters() const { return counters_; }

 private:
  struct Sender {
    std::string peer;
    std::string user;
    Nanoseconds now;
  };

  using Ended = EndedSessions::How;

  void dispatch(const Sender& sender, const ParsedMessage& message);
  void on_hello(const Sender& sender, const ParsedMessage& message);
  void welcome(Session& session);
  void admit(const Sender& sender, const HelloMessage& hello);
  std::optional<RefusalMessage> objection(const HelloMessage& hello, const Sender& sender);
  std::optional<std::uint32_t> free_slot(std::int32_t wanted) const;
  bool holder_is_gone(std::uint32_t slot) const;
  bool probe_silent(Nanoseconds now);
  void owe_ack(Session& session);
  SharedBytes ack_of(const Session& session) const;
  void refuse(const Sender& sender, const RefusalMessage& refusal, const std::string& name);

  void on_experience(const Sender& sender, const ParsedMessage& message);
  // Why the fragment was dropped; nothing when it was not.
  std::optional<DropReason> accept(Session& session, Block block, Nanoseconds now);
  void drop(Session& session, DropReason reason, const std::string& defect, Block block,
            Nanoseconds now);
  void close_for_breach(const Sender& sender, std::uint64_t number, DropReason reason);
  void on_weight_request(const Sender& sender, const ParsedMessage& message);
  void on_heartbeat(const Sender& sender, const ParsedMessage& message);
  void on_goodbye(const Sender& sender, const ParsedMessage& message);
  void offer_weights(Session& session, Nanoseconds now);
  WeightSource* source_for(std::uint64_t version, Nanoseconds now);
  bool note_produced(Session& session, std::uint64_t produced);

  // The session that may speak from there and was welcomed by this learner, or nullptr after
  // telling the sender to say hello.
  template <class Header>
  Session* speaker(const Sender& sender, const Header& header) {
    return speaker(sender, header.session, header.learner);
  }
  Session* speaker(const Sender& sender, std::uint64_t session, std::uint64_t learner);
  void end(Session& session, Ended how, DropReason reason, WorkerEventKind kind,
           const std::string& why);
  void strike(const Sender& sender, Session* session, std::string_view defect);
  void tell_of(const Incident& incident, Nanoseconds now);
  void send(const std::string& peer, SharedBytes message);
  void event(WorkerEventKind kind, const Session& session, const std::string& reason);

  const LearnerOptions options_;
  const RunManifest manifest_;
  const std::uint64_t spec_digest_;
  const std::uint64_t number_;
  std::unordered_map<std::uint64_t, Session> sessions_{};       // by number
  std::unordered_map<std::uint64_t, std::uint64_t> numbers_{};  // by worker id
  std::vector<std::uint64_t> slots_;                            // session number, or 0
  std::vector<Bytes> assignments_;                              // by slot
  EndedSessions ended_{};
  std::vector<std::uint64_t> owed_acks_{};  // session numbers
  std::uint64_t next_worker_id_ = 1;
  std::unique_ptr<WeightSource> weights_{};
  Nanoseconds weights_pulled_{};                   // last request for a chunk of them
  std::unique_ptr<WeightSource> older_weights_{};  // kept for those who pull them still
  Nanoseconds older_pulled_{};
  bool stopping_ = false;
  Strikes strikes_;
  EventLimiter event_limiter_{};
  LearnerOutput output_{};
  TransportCounters counters_{};
};

}  // namespace rl::transport
