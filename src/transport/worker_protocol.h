// The worker's half of the protocol as a state machine: no socket, no clock, no thread inside.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "rl/transport/worker_endpoint.h"
#include "src/transport/buffer_pool.h"
#include "src/transport/messages.h"
#include "src/transport/weight_pull.h"

namespace rl::transport {

//   idle ──join()──► joining ──welcome──► joined ──leave()──► leaving ──goodbye-ack──► left
//                       │                  │ ▲                   │
//                    refusal    unknown session: hello again     │
//                       ▼                  ▼                     ▼
//                    refused ◄──────── refusal ──────────────────┘
enum class WorkerState : std::uint8_t { idle, joining, joined, leaving, left, refused };

// Messages may be lost, repeated, delayed and reordered in both directions. Inputs are messages,
// the time and the calls below; outputs are the queue of messages to send and the state.
// Threads: one at a time.
class WorkerProtocol {
 public:
  // `session`: random, never used before in this run; 0 is not allowed.
  WorkerProtocol(const WorkerOptions& options, Hello hello, std::uint64_t session);

  void join(Nanoseconds now);   // once, from idle
  void leave(Nanoseconds now);  // flushes, then says goodbye until it is answered
  void abandon();               // one last goodbye: what is unacknowledged is given up

  // False without enough credit; then the fragment was not taken.
  bool submit(FragmentPtr fragment, Nanoseconds now);
  void flush();  // what is gathered becomes a message
  void report_progress(const WorkerProgress& progress) { progress_ = progress; }

  void on_message(std::span<const std::byte> message, Nanoseconds now);
  void on_tick(Nanoseconds now);  // repeats what is overdue
  // When on_tick() has something to do next, if no message comes before.
  Nanoseconds next_tick() const;

  // The next message to send; pop_outgoing() once the channel has taken it.
  bool has_outgoing() const { return !outgoing_.empty(); }
  const SharedBytes& outgoing() const { return outgoing_.front().message; }
  void pop_outgoing();

  WorkerState state() const { return state_; }
  const std::optional<Welcome>& welcome() const { return welcome_; }
  // Why joining is put off or, in state refused, has ended.
  const std::optional<RefusalMessage>& refusal() const { return refusal_; }
  bool stop_requested() const { return stop_requested_; }
  std::size_t unacknowledged() const { return ring_.size(); }
  std::uint64_t produced() const { return produced_; }
  std::uint64_t malformed() const { return malformed_; }
  WeightPull& weights() { return weights_; }
  const WeightPull& weights() const { return weights_; }
  // Since when an answer is overdue; nullopt while the learner answers.
  const std::optional<Nanoseconds>& silent_since() const { return silent_since_; }

 private:
  struct Outgoing {
    SharedBytes message;
    bool experience;
  };
  struct Unacknowledged {
    FragmentPtr fragment;
    std::uint64_t sequence;
  };

  // Of this session, to the learner that welcomed it.
  template <class Message>
  Message to_my_learner() const {
    Message message;
    message.session = session_;
    message.learner = learner_;
    return message;
  }
  void send_hello(Nanoseconds now);
  void push(SharedBytes message, bool experience = false);
  void pack(std::size_t first, std::size_t end);  // ring indices into one message
  void resend(Nanoseconds now);
  void settle(std::uint64_t received_through, std::uint64_t credit_limit, Nanoseconds now);
  void request_chunks(Nanoseconds now);
  void dispatch(const ParsedMessage& message, Nanoseconds now);
  bool on_welcome(const ParsedMessage& message, Nanoseconds now);
  bool on_refusal(const ParsedMessage& message, Nanoseconds now);
  bool on_ack(const ParsedMessage& message, Nanoseconds now);
  bool on_session_message(const ParsedMessage& message, Nanoseconds now);
  void on_other_version(std::uint16_t version);
  void on_other_learner();

  const WorkerOptions options_;
  const Hello hello_;
  const std::uint64_t session_;
  WorkerState state_ = WorkerState::idle;
  std::optional<Welcome> welcome_{};
  std::uint64_t learner_ = 0;  // who welcomed it
  std::optional<RefusalMessage> refusal_{};
  bool stop_requested_ = false;
  const std::shared_ptr<BufferPool> buffers_ = std::make_shared<BufferPool>();
  std::deque<Outgoing> outgoing_{};
  std::size_t queued_experience_ = 0;  // experience messages in outgoing_

  std::deque<Unacknowledged> ring_{};  // oldest first; the last num_gathered_ are not packed
  std::size_t num_gathered_ = 0;
  std::size_t gathered_bytes_ = 0;
  Nanoseconds gathered_since_{};       // the first of them
  std::uint64_t produced_ = 0;         // highest sequence number given out
  std::uint64_t submitted_bytes_ = 0;  // of all fragments so far
  std::uint64_t credit_limit_ = 0;
  WorkerProgress progress_{};

  int hellos_ = 0;
  Nanoseconds next_hello_{};
  Nanoseconds next_heartbeat_{};
  Nanoseconds next_goodbye_{};
  Nanoseconds goodbye_pause_{};  // doubles with every goodbye
  Nanoseconds resend_at_{};     // when ring_ makes no progress until then
  Nanoseconds resend_after_{};  // doubles with every resend
  std::optional<Nanoseconds> silent_since_{};
  WeightPull weights_;
  std::uint64_t malformed_ = 0;
};

}  // namespace rl::transport
