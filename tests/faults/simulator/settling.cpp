// The course of a run: faults, silence, farewell; and what must be true after each.
#include <cstring>

#include "faults/simulator/world.h"

namespace rl::transport::simulator {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestSettling{60000};  // of virtual time
constexpr milliseconds kLongestFarewell{20000};

std::string time_of(Nanoseconds now) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(now).count()) + " ms";
}

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 29U;
}

constexpr const char* kNames[] = {"message", "tick", "start", "kill", "partition",
                                  "heal", "reconnect", "stall", "clock jump", "none"};

}  // namespace

void World::record(const Event& event) {
  ++outcome_.events;
  mix(outcome_.trace_hash, static_cast<std::uint64_t>(event.time.count()));
  mix(outcome_.trace_hash, static_cast<std::uint64_t>(event.kind) << 8U |
                               static_cast<std::uint64_t>(event.node + 1));
  if (event.message) {  // the envelope's checksum stands for the whole
    std::uint64_t tail = 0;
    std::memcpy(&tail, event.message->data() + kEnvelopeBytes - sizeof tail, sizeof tail);
    mix(outcome_.trace_hash, tail);
  }
  if (trace_ == nullptr) return;
  *trace_ += time_of(event.time) + "  " + kNames[static_cast<int>(event.kind)] + "  " +
             (event.node == kLearner ? "learner" : "worker " + std::to_string(event.node));
  if (event.message) {
    *trace_ += "  type " + std::to_string(std::to_integer<int>((*event.message)[6])) + ", " +
               std::to_string(event.message->size()) + " bytes";
    if (!event.from.empty()) *trace_ += " from " + event.from;
  }
  *trace_ += "\n";
}

bool World::is_settled() const {
  if (!learner_.up || !learner_.inbox.empty()) return false;
  if (learner_.protocol->num_sessions() != workers_.size()) return false;
  for (const Worker& worker : workers_) {
    if (!worker.up || worker.protocol->state() != WorkerState::joined ||
        worker.protocol->unacknowledged() != 0 ||
        worker.protocol->weights().newest_version() != learner_.version) {
      return false;
    }
    const SessionRecord& record = ledger_.session(worker.session);
    if (record.learner_life != learner_.life || record.produced != record.delivered) return false;
    if (!learner_.protocol->sessions().contains(worker.session)) return false;
  }
  return true;
}

std::string World::unsettled() const {
  std::string text = "everything settles once all is healed: the learner is " +
                     std::string(learner_.up ? "up" : "down") + " with version " +
                     std::to_string(learner_.version);
  for (const Worker& worker : workers_) {
    text += "; session " + std::to_string(worker.session) + " is " +
            (worker.up ? "up in state " + std::to_string(static_cast<int>(worker.protocol->state()))
                       : "down");
    if (!worker.up) continue;
    text += " with " + std::to_string(worker.protocol->unacknowledged()) + " unacknowledged, version " +
            std::to_string(worker.protocol->weights().newest_version());
  }
  return text;
}

bool World::everybody_left() const {
  for (const Worker& worker : workers_) {
    const WorkerState state = worker.protocol->state();  // refused: its session had ended before
    if (state != WorkerState::left && state != WorkerState::refused) return false;
  }
  return learner_.protocol->num_sessions() == 0;
}

void World::run_until(Nanoseconds end, bool (World::*done)() const) {
  while (now_ < end) {
    const Event event = events_.take();  // ticks never end
    now_ = std::max(now_, event.time);
    record(event);
    handle(event);
    if (done != nullptr && (this->*done)()) return;
  }
}

void World::run() {
  start_learner();
  for (int i = 0; i < static_cast<int>(workers_.size()); ++i) start_worker(i);
  schedule_faults();
  run_until(now_ + milliseconds(plan_.duration_ms), nullptr);
  heal();
  run_until(now_ + kLongestSettling, &World::is_settled);
  if (!is_settled()) throw Broken(unsettled());
  ledger_.check_fates(0);
  outcome_.consumed = ledger_.num_consumed();
  farewell_ = true;
  for (int i = 0; i < static_cast<int>(workers_.size()); ++i) {
    Worker& worker = workers_[static_cast<std::size_t>(i)];
    worker.protocol->leave(clock_of(worker));
    after_worker(i);
  }
  run_until(now_ + kLongestFarewell, &World::everybody_left);
  if (!everybody_left()) throw Broken("everybody can leave");
  const TransportCounters counters = outcome_.counters = learner_.protocol->counters();
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : counters.dropped) dropped += count;
  dropped -= counters.dropped[static_cast<std::size_t>(DropReason::duplicate)];
  require(counters.produced == counters.fragments_received + dropped,
          "with nobody left, produced = received + dropped by reason");
}

Outcome simulate(const Plan& plan, std::string* trace) {
  World world(plan, trace);
  Outcome outcome;
  try {
    world.run();
    outcome = world.outcome();
  } catch (const std::exception& error) {
    outcome = world.outcome();
    outcome.broken = "at " + time_of(world.now()) + ": " + error.what();
  }
  return outcome;
}

}  // namespace rl::transport::simulator
