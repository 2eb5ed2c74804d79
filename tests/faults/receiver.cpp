#include "tests/faults/receiver.h"

#include <utility>

#include <utility>

#include "rl/transport/keys.h"
#include "tests/faults/paced_environment.h"
#include "tests/support/policy_weights.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using transport::WorkerEventKind;

constexpr std::size_t kBatch = 8;  // fragments sampled at once, as an algorithm would

transport::RunManifest manifest_of(const ReceiverOptions& options, const EnvironmentSpec& spec) {
  const rollout::RunConfig config{.environment = options.environment,
                                  .seed = 1,
                                  .num_environments = options.slots * options.environments_per_slot,
                                  .num_slots = options.slots,
                                  .mode = rollout::Mode::async,
                                  .fragment_steps = options.fragment_steps};
  return {.run_id = options.run_id,
          .environment = spec,
          .schema = std::make_shared<const FragmentSchema>(make_schema(spec)),
          .run_config = rollout::to_text(config),
          .num_slots = options.slots};
}

transport::LearnerOptions listen_options(const ReceiverOptions& options) {
  transport::LearnerOptions listen;
  listen.bind = options.bind;
  listen.worker_timeout = options.worker_timeout;
  if (!options.keys.empty()) transport::use_keys(listen, options.keys);
  return listen;
}

}  // namespace

Receiver::Receiver(ReceiverOptions options)
    : options_(std::move(options)),
      spec_(paced_environments().make(options_.environment)->spec()),
      ledger_(options_.ledger.empty() ? nullptr : std::make_unique<LedgerWriter>(options_.ledger)),
      endpoint_(listen_options(options_), manifest_of(options_, spec_)),
      table_(replay::TableOptions{.unit = replay::ItemUnit::fragment,
                                  .sampler = replay::Selector::fifo,
                                  .max_times_sampled = 1}),
      slot_steps_(std::make_unique<std::atomic<std::uint64_t>[]>(options_.slots)),
      consumer_([this](const std::stop_token& stop) { consume(stop); }) {
  if (options_.with_weights) publish();
}

Receiver::~Receiver() = default;

void Receiver::publish() {
  WeightSnapshot snapshot = random_weights(spec_, 3, ++version_);
  snapshot.run_id = options_.run_id;
  endpoint_.publish(snapshot);
}

void Receiver::write(LedgerEvent event, const Key& key, std::uint64_t value, std::uint8_t reason) {
  if (ledger_ == nullptr) return;
  ledger_->append({.run = options_.run_id,
                   .worker = key.worker,
                   .sequence = key.sequence,
                   .value = value,
                   .event = event,
                   .reason = reason});
}

void Receiver::consume(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    take(milliseconds(20));
    note_events();
    while (table_.num_items() >= kBatch) sample(kBatch, LedgerEvent::consumed);
  }
}

// False when there was nothing.
bool Receiver::take(milliseconds patience) {
  const auto received = endpoint_.receive(patience);
  while (const auto refused = endpoint_.poll_refused()) {
    write(LedgerEvent::dropped, {refused->worker_id, refused->sequence}, 0,
          static_cast<std::uint8_t>(refused->reason));
  }
  if (!received) return false;
  const Key key{received->worker_id, received->sequence};
  write(LedgerEvent::received, key, ledger_ ? fingerprint(*received->fragment) : 0);
  keys_.emplace(received->fragment.get(), key);
  if (table_.insert(received->fragment, milliseconds(1000))) write(LedgerEvent::inserted, key);
  steps_ += received->fragment->num_steps();
  slot_steps_[received->slot] += received->fragment->num_steps();
  return true;
}

void Receiver::note_events() {
  while (const auto event = endpoint_.poll_event()) {
    ++events_[static_cast<std::size_t>(event->kind)];
    if (event->kind == WorkerEventKind::misbehaved) {
      const std::lock_guard lock(complaints_mutex_);
      complaints_.push_back(event->reason);
    }
    if (event->kind != WorkerEventKind::left && event->kind != WorkerEventKind::lost) continue;
    write(LedgerEvent::ended, {event->worker_id, event->settled}, event->produced,
          static_cast<std::uint8_t>(event->missing));
  }
}

std::vector<std::string> Receiver::take_complaints() {
  const std::lock_guard lock(complaints_mutex_);
  return std::exchange(complaints_, {});
}

void Receiver::sample(std::size_t count, LedgerEvent event) {
  const auto items = table_.sample(count, milliseconds(1000));
  if (!items) return;
  for (const replay::Item& item : *items) {
    const auto key = keys_.find(item.fragment.get());
    write(event, key->second);
    keys_.erase(key);
  }
}

bool Receiver::finish(milliseconds deadline) {
  const bool all_left = endpoint_.stop_workers(deadline);
  consumer_.request_stop();
  consumer_.join();
  while (take(milliseconds(0))) {
  }
  note_events();
  while (table_.num_items() > 0) sample(1, LedgerEvent::resident);
  if (all_left) write(LedgerEvent::receiver_left, {});
  return all_left;
}

}  // namespace rl::tests
