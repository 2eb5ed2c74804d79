// What goes wrong in a simulated world.
#include <cmath>

#include "faults/simulator/world.h"

namespace rl::transport::simulator {
namespace {

using std::chrono::milliseconds;

}  // namespace

// One event of each kind and node is always ahead; the next follows when it has happened.
void World::schedule(EventKind kind, int number, double per_second) {
  if (per_second <= 0.0 || quiet_) return;
  const double seconds = -std::log(1.0 - random_.uniform()) / per_second;
  add(kind, number, milliseconds(1 + static_cast<int>(1000.0 * std::min(seconds, 100.0))));
}

void World::schedule_faults() {
  schedule(EventKind::kill, kLearner, plan_.kill_learner);
  schedule(EventKind::stall, kLearner, plan_.stall);
  schedule(EventKind::clock_jump, kLearner, plan_.clock_jump);
  for (int i = 0; i < static_cast<int>(workers_.size()); ++i) {
    schedule(EventKind::kill, i, plan_.kill_worker);
    schedule(EventKind::partition, i, plan_.partition);
    schedule(EventKind::reconnect, i, plan_.reconnect);
    schedule(EventKind::stall, i, plan_.stall);
    schedule(EventKind::clock_jump, i, plan_.clock_jump);
  }
}

void World::happen(const Event& event) {
  if (quiet_) return;  // it was ahead when the faults ended
  Node& victim = node(event.node);
  switch (event.kind) {
    case EventKind::kill:
      if (victim.up && event.node == kLearner) kill_learner();
      else if (victim.up) {
        victim.up = false;
        add(EventKind::start, event.node, milliseconds(1 + random_.below(500)));
      }
      return schedule(EventKind::kill, event.node,
                      event.node == kLearner ? plan_.kill_learner : plan_.kill_worker);
    case EventKind::partition: return start_partition(event.node);
    case EventKind::reconnect:
      connect_anew(event.node);
      return schedule(EventKind::reconnect, event.node, plan_.reconnect);
    case EventKind::stall:
      victim.stalled_until = now_ + milliseconds(1 + random_.below(2500));
      return schedule(EventKind::stall, event.node, plan_.stall);
    case EventKind::clock_jump:
      victim.clock_ahead += milliseconds(1 + random_.below(20000));
      return schedule(EventKind::clock_jump, event.node, plan_.clock_jump);
    default: return;
  }
}

void World::start_partition(int number) {
  Worker& worker = workers_[static_cast<std::size_t>(number)];
  const std::uint64_t ways = random_.below(3);
  worker.hears = ways == 1;
  worker.is_heard = ways == 2;
  add(EventKind::heal, number, milliseconds(1 + random_.below(4000)));
}

void World::heal() {
  quiet_ = true;
  learner_.stalled_until = {};
  for (Worker& worker : workers_) {
    worker.stalled_until = {};
    worker.hears = worker.is_heard = true;
  }
}

void World::transmit(int from, const std::string& from_peer, int to, std::uint64_t life,
                     const SharedBytes& message) {
  const Worker& worker = workers_[static_cast<std::size_t>(from == kLearner ? to : from)];
  const bool is_open = from == kLearner ? worker.hears : worker.is_heard;
  if (!is_open) return;
  const int copies = !quiet_ && random_.uniform() < plan_.repeat ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (!quiet_ && random_.uniform() < plan_.drop) continue;
    const bool changed = !quiet_ && random_.uniform() < plan_.corrupt;
    const auto delay = quiet_ ? 1 : 1 + random_.below(static_cast<std::uint64_t>(plan_.longest_delay_ms));
    events_.add({.time = now_ + milliseconds(delay),
                 .kind = EventKind::message,
                 .node = to,
                 .life = life,
                 .from = from_peer,
                 .message = changed ? corrupted(*message) : message});
  }
}

SharedBytes World::corrupted(const Bytes& message) {
  Bytes copy = message;
  copy[random_.below(copy.size())] ^= static_cast<std::byte>(1 + random_.below(255));
  return std::make_shared<const Bytes>(std::move(copy));
}

void World::deliver(const Event& event) {
  if (event.node == kLearner) {
    if (!learner_.up) return;
    learner_.protocol->on_message(event.from, {}, *event.message, clock_of(learner_));
    if (quiet_ || random_.below(2) == 0) take_learner_output();  // else with the next burst
    return;
  }
  Worker& worker = workers_[static_cast<std::size_t>(event.node)];
  if (!worker.up || worker.connection != event.life) return;
  worker.protocol->on_message(*event.message, clock_of(worker));
  after_worker(event.node);
}

void World::handle(const Event& event) {
  Node& whom = node(event.node);
  if (whom.stalled_until > now_ && event.kind != EventKind::kill) {  // waits in its buffers
    Event later = event;
    later.time = whom.stalled_until;
    return events_.add(std::move(later));
  }
  switch (event.kind) {
    case EventKind::message: return deliver(event);
    case EventKind::tick:
      if (!whom.up || whom.life != event.life) return;
      return event.node == kLearner ? tick_learner() : tick_worker(event.node);
    case EventKind::start:
      if (whom.up) return;
      return event.node == kLearner ? start_learner() : start_worker(event.node);
    case EventKind::heal: {
      Worker& worker = workers_[static_cast<std::size_t>(event.node)];
      worker.hears = worker.is_heard = true;
      return schedule(EventKind::partition, event.node, plan_.partition);
    }
    default: return happen(event);
  }
}

}  // namespace rl::transport::simulator
