#include "faults/simulator/world.h"

#include "transport/fixtures.h"

namespace rl::transport::simulator {
namespace {

using std::chrono::milliseconds;

const RunManifest& manifest_for(std::size_t slots) {
  static const std::vector<RunManifest> manifests = [] {
    std::vector<RunManifest> all;
    for (std::uint32_t n = 0; n <= 8; ++n) all.push_back(small_manifest(n));
    return all;
  }();
  return manifests.at(slots);
}

// Different for every learner's life and version, cheap to make.
std::shared_ptr<const Bytes> image_of(std::uint64_t life, std::uint64_t version, std::size_t size) {
  Bytes image(size);
  for (std::size_t i = 0; i < size; ++i) {
    image[i] = static_cast<std::byte>((i >> 3U) * (2 * version + 1) + 41 * life + version);
  }
  return std::make_shared<const Bytes>(std::move(image));
}

// Where a slot's stream goes on, and which life of the learner says so.
Bytes assignment_of(std::uint64_t place, std::uint64_t life) {
  ByteWriter writer;
  writer.put(place);
  writer.put(life);
  return writer.take();
}

}  // namespace

World::World(const Plan& plan, std::string* trace)
    : plan_(plan), trace_(trace), random_(plan.seed, RngRole::test, 0), workers_(plan.num_workers) {
  checkpoint_.next.resize(plan.num_workers);
}

World::Node& World::node(int number) {
  if (number == kLearner) return learner_;
  return workers_[static_cast<std::size_t>(number)];
}

void World::add(EventKind kind, int number, Nanoseconds after, std::uint64_t life) {
  events_.add({.time = now_ + after, .kind = kind, .node = number, .life = life});
}

std::string World::peer_of(int number) const {
  const Worker& worker = workers_[static_cast<std::size_t>(number)];
  return std::to_string(number) + ":" + std::to_string(worker.connection);
}

void World::start_learner() {
  const auto& manifest = manifest_for(plan_.num_workers);
  learner_.up = true;
  ++learner_.life;
  learner_.protocol = std::make_unique<LearnerProtocol>(plan_.learner, manifest, learner_.life);
  learner_.next = checkpoint_.next;
  learner_.version = checkpoint_.version;
  learner_.image = checkpoint_.image;
  learner_.consumed_since = 0;
  for (std::uint32_t slot = 0; slot < manifest.num_slots; ++slot) {
    learner_.protocol->set_assignment(slot, assignment_of(learner_.next[slot], learner_.life));
  }
  if (learner_.version > 0) {
    ledger_.published(learner_.life, learner_.version, learner_.image);
    const WeightSnapshot snapshot{manifest.run_id, learner_.version, learner_.image};
    learner_.protocol->publish(std::make_unique<WeightSource>(snapshot, plan_.learner.limits, learner_.life),
                               clock_of(learner_));
  }
  for (int i = 0; i < static_cast<int>(workers_.size()); ++i) connect_anew(i);
  add(EventKind::tick, kLearner, milliseconds(1), learner_.life);
}

void World::kill_learner() {
  learner_.up = false;
  learner_.protocol.reset();
  ledger_.lost_with_learner(learner_.inbox.size());
  learner_.inbox.clear();
  add(EventKind::start, kLearner, milliseconds(1 + random_.below(1000)));
}

void World::tick_learner() {
  if (!quiet_ && random_.uniform() < plan_.publish) publish();
  read_inbox();
  take_learner_output();  // of the burst before
  learner_.protocol->on_tick(clock_of(learner_));
  take_learner_output();
  add(EventKind::tick, kLearner, milliseconds(quiet_ ? 20 : 5 + random_.below(20)), learner_.life);
}

void World::publish() {
  learner_.image = image_of(learner_.life, ++learner_.version, plan_.image_bytes);
  ledger_.published(learner_.life, learner_.version, learner_.image);
  const WeightSnapshot snapshot{manifest_for(plan_.num_workers).run_id, learner_.version,
                                learner_.image};
  learner_.protocol->publish(std::make_unique<WeightSource>(snapshot, plan_.learner.limits, learner_.life),
                             clock_of(learner_));
}

// Each slot has a stream of places. A worker begins where its assignment says, so that whatever a
// lost worker or learner had, is made again; what is there already is dropped.
void World::read_inbox() {
  while (!learner_.inbox.empty() && (quiet_ || random_.uniform() < plan_.consume)) {
    const ReceivedFragment received = std::move(learner_.inbox.front());
    learner_.inbox.pop_front();
    const FragmentHeader& header = received.fragment->header();
    std::uint64_t& next = learner_.next[received.slot];
    require(header.episode <= next, "a slot's stream has no hole", received.slot);
    const bool is_next = header.episode == next;
    ledger_.read(*received.fragment, is_next ? Ledger::Fate::consumed : Ledger::Fate::dropped);
    learner_.protocol->fragment_taken(received.worker_id, received.fragment->block().size());
    if (!is_next) continue;
    learner_.protocol->set_assignment(received.slot, assignment_of(++next, learner_.life));
    if (++learner_.consumed_since < plan_.consumed_per_checkpoint) continue;
    checkpoint_ = {learner_.next, learner_.version, learner_.image};
    learner_.consumed_since = 0;
  }
}

void World::take_learner_output() {
  LearnerOutput output = learner_.protocol->take_output();
  for (auto& received : output.fragments) {
    ledger_.delivered(received, learner_.life);
    learner_.inbox.push_back(std::move(received));
  }
  for (const auto& event : output.events) {
    require(event.kind != WorkerEventKind::misbehaved || plan_.corrupt > 0.0,
            "honest peers are not accused", event.worker_id);
  }
  for (const auto& [peer, message] : output.messages) {
    const std::size_t colon = peer.find(':');
    transmit(kLearner, {}, std::stoi(peer.substr(0, colon)),
             std::stoull(peer.substr(colon + 1)), message);
  }
  ledger_.check_learner(*learner_.protocol, learner_.life, plan_.learner, plan_.num_workers);
  ledger_.check_fates(learner_.inbox.size());
}

void World::start_worker(int number) {
  Worker& worker = workers_[static_cast<std::size_t>(number)];
  worker.up = true;
  worker.session = next_session_++;
  ++worker.life;
  ++worker.connection;
  worker.started = clock_of(worker);
  Hello hello = small_hello("worker" + std::to_string(number));
  hello.wanted_slot = number;
  worker.protocol = std::make_unique<WorkerProtocol>(plan_.worker, hello, worker.session);
  ledger_.open(worker.session);
  worker.protocol->join(clock_of(worker));
  after_worker(number);
  add(EventKind::tick, number, milliseconds(1), worker.life);
}

void World::connect_anew(int number) {
  Worker& worker = workers_[static_cast<std::size_t>(number)];
  if (worker.up) ++worker.connection;
}

void World::tick_worker(int number) {
  Worker& worker = workers_[static_cast<std::size_t>(number)];
  const Nanoseconds clock = clock_of(worker);
  const auto silent = worker.protocol->silent_since();
  const WorkerState state = worker.protocol->state();
  const bool is_joining = state == WorkerState::joining;
  const Nanoseconds waits_since = silent.value_or(is_joining ? worker.started : clock);
  // As WorkerEndpoint, which throws in connect() or later: its owner starts over, or gives up
  // waiting for its goodbye to be answered.
  if (state == WorkerState::refused || clock - waits_since > plan_.worker.learner_timeout) {
    if (farewell_) {
      worker.protocol->abandon();
      return after_worker(number);
    }
    worker.up = false;
    add(EventKind::start, number, milliseconds(10 + random_.below(50)));
    return;
  }
  if (!quiet_ && random_.uniform() < plan_.produce) produce(worker);
  worker.protocol->on_tick(clock);
  after_worker(number);
  add(EventKind::tick, number, milliseconds(quiet_ ? 20 : 2 + random_.below(20)), worker.life);
}

void World::produce(Worker& worker) {
  if (worker.protocol->state() != WorkerState::joined) return;
  const SessionRecord& record = ledger_.session(worker.session);
  Fragment fragment(manifest_for(plan_.num_workers).schema, 1 + random_.below(8));
  fragment.header().environment = worker.session;
  fragment.header().sequence = record.produced;
  fragment.header().episode = worker.next_position;
  fragment.column<float>(0).front() = random_.uniform_f32();
  const auto shared = std::make_shared<const Fragment>(std::move(fragment));
  if (!worker.protocol->submit(shared, clock_of(worker))) return;
  ledger_.produced(worker.session, shared);
  ++worker.next_position;
  if (random_.below(4) == 0) worker.protocol->flush();
}

void World::after_worker(int number) {
  Worker& worker = workers_[static_cast<std::size_t>(number)];
  while (worker.protocol->has_outgoing()) {
    transmit(number, peer_of(number), kLearner, 0, worker.protocol->outgoing());
    worker.protocol->pop_outgoing();
  }
  const auto& welcome = worker.protocol->welcome();
  if (welcome && ledger_.session(worker.session).learner_life == 0) {
    ByteReader reader(welcome->assignment, "assignment");
    worker.next_position = reader.get<std::uint64_t>();
    ledger_.welcomed(worker.session, reader.get<std::uint64_t>());
  }
  if (const auto weights = worker.protocol->weights().take()) {
    ledger_.acted_on(worker.session, *weights);
  }
  ledger_.check_worker(*worker.protocol, worker.session);
}

}  // namespace rl::transport::simulator
