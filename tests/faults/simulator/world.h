// A learner and its workers, each the real state machine, over a virtual clock and network.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faults/simulator/events.h"
#include "faults/simulator/ledger.h"
#include "faults/simulator/plan.h"

namespace rl::transport::simulator {

struct Outcome {
  std::string broken{};          // the invariant that did not hold, and when; empty: all held
  std::uint64_t trace_hash = 0;  // of every event: equal seeds give equal ones
  std::uint64_t events = 0;
  std::uint64_t consumed = 0;
  TransportCounters counters{};  // of the learner at the end
};

// Faults for plan.duration_ms, then none; then everything must settle, and everybody leave.
// `trace`: gets a line per event. Threads: pure; any number at once.
Outcome simulate(const Plan& plan, std::string* trace = nullptr);

class World {
 public:
  explicit World(const Plan& plan, std::string* trace);
  void run();
  const Outcome& outcome() const { return outcome_; }
  Nanoseconds now() const { return now_; }

 private:
  // What the processes around the protocol do, as WorkerEndpoint and the learner's loop do it.
  struct Node {
    bool up = false;
    std::uint64_t life = 0;            // rises with every start
    Nanoseconds clock_ahead{};         // of virtual time
    Nanoseconds stalled_until{};
  };
  struct Worker : Node {
    std::unique_ptr<WorkerProtocol> protocol{};
    std::uint64_t session = 0;
    std::uint64_t connection = 0;
    bool hears = true;                 // false: partitioned, one way or both
    bool is_heard = true;
    std::uint64_t next_position = 0;   // in its slot's stream
    Nanoseconds started{};
  };
  struct Checkpoint {
    std::vector<std::uint64_t> next{};
    std::uint64_t version = 0;
    std::shared_ptr<const Bytes> image{};
  };
  struct Learner : Node {
    std::unique_ptr<LearnerProtocol> protocol{};
    std::deque<ReceivedFragment> inbox{};
    std::vector<std::uint64_t> next{};  // place in each slot's stream
    std::uint64_t version = 0;
    std::shared_ptr<const Bytes> image{};
    std::size_t consumed_since = 0;     // the checkpoint
  };

  // Faults (faults.cpp)
  void schedule_faults();
  void schedule(EventKind kind, int node, double per_second);
  void happen(const Event& event);
  void start_partition(int node);
  void heal();
  void transmit(int from, const std::string& from_peer, int to, std::uint64_t life,
                const SharedBytes& message);
  SharedBytes corrupted(const Bytes& message);
  void deliver(const Event& event);

  // The two ends (world.cpp)
  void handle(const Event& event);
  void add(EventKind kind, int node, Nanoseconds after, std::uint64_t life = 0);
  Node& node(int number);
  Nanoseconds clock_of(const Node& node) const { return now_ + node.clock_ahead; }
  void start_learner();
  void kill_learner();
  void tick_learner();
  void read_inbox();
  void publish();
  void take_learner_output();
  void start_worker(int number);
  void tick_worker(int number);
  void produce(Worker& worker);
  void after_worker(int number);  // sends what there is, takes weights, checks
  void connect_anew(int number);
  std::string peer_of(int number) const;

  // The end of a run (settling.cpp)
  bool is_settled() const;
  bool everybody_left() const;
  std::string unsettled() const;
  void run_until(Nanoseconds end, bool (World::*done)() const);
  void record(const Event& event);

  const Plan plan_;
  std::string* trace_;
  RngStream random_;
  Nanoseconds now_{std::chrono::seconds(1)};
  bool quiet_ = false;  // no faults any more, and no new fragments or weights
  bool farewell_ = false;  // everybody is leaving
  EventQueue events_{};
  Ledger ledger_{};
  Learner learner_{};
  Checkpoint checkpoint_{};
  std::vector<Worker> workers_;
  std::uint64_t next_session_ = 1;
  Outcome outcome_{};
};

}  // namespace rl::transport::simulator
