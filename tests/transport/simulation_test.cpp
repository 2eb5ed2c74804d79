// Both state machines over a network that drops, repeats, delays and reorders, with workers that
// are killed, all from one seed and a clock that the test moves.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "fixtures.h"
#include "src/transport/learner_protocol.h"
#include "src/transport/worker_protocol.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

struct Faults {
  double drop = 0.0;
  double repeat = 0.0;
  int longest_delay_ms = 1;  // messages overtake each other when above 1
  double kill_per_ms = 0.0;
};

struct InFlight {
  std::string to;  // "" for the learner
  std::string from;
  SharedBytes message;
};

struct SimWorker {
  std::unique_ptr<WorkerProtocol> protocol;
  std::string peer;
  std::uint64_t incarnation = 0;
  std::uint64_t produced = 0;
  std::uint64_t newest_version = 0;
};

struct Simulation {
  Simulation(std::uint64_t seed, const Faults& with)
      : faults(with), random(seed, RngRole::test, 0), learner(learner_options, manifest) {
    workers.resize(manifest.num_slots);
  }

  static LearnerOptions small_learner_options() {
    LearnerOptions options;
    options.limits.max_control_bytes = 4096;
    options.limits.max_message_bytes = 16384;
    options.limits.weight_chunk_bytes = 2048;
    options.credit_bytes = 16384;
    options.worker_timeout = milliseconds(3000);
    options.heartbeat_every = milliseconds(200);
    options.limits.strikes = 1;  // nobody here misbehaves
    return options;
  }
  WorkerOptions worker_options() const {
    WorkerOptions options;
    options.batch_bytes = 2048;
    options.heartbeat_every = milliseconds(200);
    options.limits = learner_options.limits;
    return options;
  }

  void transmit(const std::string& from, const std::string& to, const SharedBytes& message) {
    const int copies = random.uniform() < faults.repeat ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (random.uniform() < faults.drop) continue;
      const auto delay = 1 + random.below(static_cast<std::uint64_t>(faults.longest_delay_ms));
      network.emplace(now + milliseconds(delay), InFlight{to, from, message});
    }
  }

  void start(SimWorker& worker, std::size_t index) {
    const std::uint64_t session = 1000 * (index + 1) + ++worker.incarnation;
    worker.peer = "w" + std::to_string(session);
    worker.protocol =
        std::make_unique<WorkerProtocol>(worker_options(), small_hello(worker.peer), session);
    worker.protocol->join(now);
    worker.produced = 0;
    worker.newest_version = 0;
  }

  void collect_learner() {
    LearnerOutput output = learner.take_output();
    for (const auto& received : output.fragments) {
      const auto& header = received.fragment->header();
      auto& next = next_sequence[header.environment];
      in_order &= header.sequence == next;
      next = header.sequence + 1;
      ++delivered;
      unread.push_back({received.worker_id, received.fragment->block().size()});
    }
    for (const auto& event : output.events) {
      misbehaved += event.kind == WorkerEventKind::misbehaved;
    }
    for (const auto& [peer, message] : output.messages) transmit("", peer, message);
  }

  void step_worker(SimWorker& worker, bool producing) {
    WorkerProtocol& protocol = *worker.protocol;
    if (producing && protocol.state() == WorkerState::joined && random.uniform() < 0.5) {
      // environment = session, so every incarnation is checked on its own
      const std::uint64_t session = std::stoull(worker.peer.substr(1));
      const auto fragment =
          small_fragment(manifest.schema, session, worker.produced, 1 + random.below(10));
      if (protocol.submit(fragment, now)) ++worker.produced;
      if (random.uniform() < 0.2) protocol.flush();
    }
    protocol.on_tick(now);
    while (protocol.has_outgoing()) {
      transmit(worker.peer, "", protocol.outgoing());
      protocol.pop_outgoing();
    }
    if (auto weights = protocol.weights().take()) {
      versions_rise &= weights->version > worker.newest_version;
      worker.newest_version = weights->version;
      weights_whole &= *weights->image == *small_weights(weights->version, 5000).image;
    }
  }

  void deliver() {
    while (!network.empty() && network.begin()->first <= now) {
      const InFlight message = network.begin()->second;
      network.erase(network.begin());
      if (message.to.empty()) {
        learner.on_message(message.from, "", *message.message, now);
        continue;
      }
      for (auto& worker : workers) {
        if (worker.protocol && worker.peer == message.to) {
          worker.protocol->on_message(*message.message, now);
        }
      }
    }
  }

  void run(int milliseconds_to_run, bool producing) {
    for (int i = 0; i < milliseconds_to_run; ++i) {
      now += milliseconds(1);
      deliver();
      for (std::size_t w = 0; w < workers.size(); ++w) {
        const bool dies = random.uniform() < faults.kill_per_ms;
        if (!workers[w].protocol || dies || workers[w].protocol->state() == WorkerState::refused) {
          start(workers[w], w);
        }
        step_worker(workers[w], producing);
      }
      if (producing && random.uniform() < 0.01) {
        learner.publish(
            std::make_unique<WeightSource>(small_weights(++version, 5000), learner_options.limits),
            now);
      }
      while (!unread.empty() && random.uniform() < 0.8) {
        learner.fragment_taken(unread.front().first, unread.front().second);
        unread.pop_front();
      }
      learner.on_tick(now);
      collect_learner();
    }
  }

  std::uint64_t dropped() const {
    std::uint64_t sum = 0;
    const auto counters = learner.counters();
    for (std::size_t i = 0; i < counters.dropped.size(); ++i) {
      if (static_cast<DropReason>(i) != DropReason::duplicate) sum += counters.dropped[i];
    }
    return sum;
  }

  const LearnerOptions learner_options = small_learner_options();
  const RunManifest manifest = small_manifest(3);
  Faults faults;
  RngStream random;
  Nanoseconds now{std::chrono::seconds(1)};
  LearnerProtocol learner;
  std::vector<SimWorker> workers;
  std::multimap<Nanoseconds, InFlight> network;
  std::map<std::uint64_t, std::uint64_t> next_sequence;
  std::deque<std::pair<std::uint64_t, std::size_t>> unread;
  std::uint64_t delivered = 0;
  std::uint64_t version = 0;
  int misbehaved = 0;
  bool in_order = true;
  bool versions_rise = true;
  bool weights_whole = true;
};

// A stretch with faults, then a quiet one in which everything must settle.
void check_ledger(std::uint64_t seed, const Faults& faults) {
  CAPTURE(seed);
  Simulation simulation(seed, faults);
  simulation.run(3000, true);
  simulation.faults = {};
  simulation.run(8000, false);  // long enough for the lost to be noticed and pulls to be repeated
  CHECK(simulation.in_order);   // nothing twice, nothing missing in between
  CHECK(simulation.versions_rise);
  CHECK(simulation.weights_whole);
  CHECK(simulation.misbehaved == 0);
  const auto counters = simulation.learner.counters();
  CHECK(counters.produced == counters.fragments_received + simulation.dropped());
  CHECK(counters.fragments_received == simulation.delivered);
  CHECK(simulation.learner.num_sessions() == simulation.workers.size());
  for (const auto& worker : simulation.workers) {  // those alive lost nothing at all
    REQUIRE(worker.protocol->state() == WorkerState::joined);
    CHECK(worker.protocol->unacknowledged() == 0);
    CHECK(worker.protocol->weights().newest_version() == simulation.version);
    CHECK(simulation.next_sequence[std::stoull(worker.peer.substr(1))] == worker.produced);
  }
  for (auto& worker : simulation.workers) worker.protocol->leave(simulation.now);
  for (int i = 0; i < 1000; ++i) {
    simulation.now += milliseconds(1);
    simulation.deliver();
    for (auto& worker : simulation.workers) simulation.step_worker(worker, false);
    simulation.learner.on_tick(simulation.now);
    simulation.collect_learner();
  }
  for (auto& worker : simulation.workers) CHECK(worker.protocol->state() == WorkerState::left);
  CHECK(simulation.learner.num_sessions() == 0);
}

}  // namespace

TEST_SUITE_BEGIN("transport simulation");

TEST_CASE("on a perfect network nothing is dropped and nothing is sent twice") {
  Simulation simulation(1, {});
  simulation.run(3000, true);
  simulation.run(2000, false);
  const auto counters = simulation.learner.counters();
  CHECK(counters.fragments_received > 1000);
  CHECK(counters.produced == counters.fragments_received);
  for (const std::uint64_t dropped : counters.dropped) CHECK(dropped == 0);
}

TEST_CASE("produced = received + dropped by reason when messages get lost") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) check_ledger(seed, {.drop = 0.2});
}

TEST_CASE("produced = received + dropped by reason when messages come twice and out of order") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    check_ledger(seed, {.repeat = 0.3, .longest_delay_ms = 60});
  }
}

TEST_CASE("produced = received + dropped by reason when workers are killed as well") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    check_ledger(seed, {.drop = 0.1, .repeat = 0.1, .longest_delay_ms = 40, .kill_per_ms = 5e-4});
  }
}

TEST_CASE("equal seeds give equal runs, another seed another run") {
  const auto fingerprint = [](std::uint64_t seed) {
    Simulation simulation(seed, {.drop = 0.1, .repeat = 0.1, .longest_delay_ms = 20});
    simulation.run(1000, true);
    const auto counters = simulation.learner.counters();
    return std::pair(counters.bytes_received, counters.weight_bytes_sent);
  };
  CHECK(fingerprint(5) == fingerprint(5));
  CHECK(fingerprint(5) != fingerprint(6));
}

TEST_SUITE_END();
