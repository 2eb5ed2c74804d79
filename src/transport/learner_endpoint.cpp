#include "rl/transport/learner_endpoint.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "rl/core/error.h"
#include "src/transport/address.h"
#include "src/transport/allowed_workers.h"
#include "src/transport/channel.h"
#include "src/transport/descriptor_limit.h"
#include "src/transport/gate.h"
#include "src/transport/learner_protocol.h"
#include "src/transport/random_number.h"

namespace rl::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50};  // between looks for lost workers, and at most asleep
constexpr int kBurst = 64;         // messages handled before what they caused is sent
constexpr int kBursts = 16;        // before other sockets and wakes are looked at
constexpr std::size_t kMaxEvents = 4096;
constexpr std::size_t kMaxRefused = 65536;

void make_room(const LearnerOptions& options, const RunManifest& manifest) {
  if (parse_address(options.bind, "LearnerEndpoint").scheme == Scheme::inproc) return;
  make_room_for_connections((has_gate(options) ? kGateDescriptors : 1) * manifest.num_slots);
}

}  // namespace

//   caller's threads ── protocol_mutex ──► protocol ◄── protocol_mutex ── I/O thread ──► channel
//                    ── inbox_mutex ────► inbox, events ◄── inbox_mutex ──┘
// Lock order: protocol_mutex before inbox_mutex, never the other way.
struct LearnerEndpoint::Impl {
  Impl(LearnerOptions given, RunManifest manifest, const Clock& the_clock)
      : options((validate(given), make_room(given, manifest), std::move(given))),
        clock(the_clock),
        allowed(options),
        protocol(options, std::move(manifest), random_number()),
        channel(bind_channel(options, [this](std::string_view key) { return admits(key); })),
        thread([this](const std::stop_token& stop) { run(stop); }) {}

  ~Impl() {
    thread.request_stop();
    channel->wake();
  }

  bool admits(std::string_view key) {
    const std::lock_guard lock(protocol_mutex);
    return allowed.contains(key) && !protocol.is_banned(std::string(key));
  }

  void run(const std::stop_token& stop);
  void serve(const std::stop_token& stop);
  bool receive_burst();
  void deliver();
  std::vector<std::pair<std::uint64_t, std::size_t>> take_returned();

  const LearnerOptions options;
  const Clock& clock;

  mutable std::mutex protocol_mutex;
  AllowedWorkers allowed;  // like the protocol
  LearnerProtocol protocol;
  Nanoseconds next_tick{};
  std::condition_variable all_ended;

  std::mutex inbox_mutex;
  std::condition_variable arrived;
  std::deque<ReceivedFragment> inbox;
  std::deque<WorkerEvent> events;
  std::deque<RefusedFragment> refused;
  std::string failure;         // why the I/O thread ended, if it did
  bool newly_refused = false;  // since the last receive()
  // Credit of what was taken out, on its way to the protocol: worker, bytes.
  std::vector<std::pair<std::uint64_t, std::size_t>> returned;
  std::size_t returned_bytes = 0;

  std::unique_ptr<Channel> channel;
  std::jthread thread;  // last: stops before anything it uses is gone
};

// What ends the thread is told to whoever receives: nothing can be promised any more.
void LearnerEndpoint::Impl::run(const std::stop_token& stop) {
  try {
    serve(stop);
  } catch (const std::exception& error) {
    const std::lock_guard lock(inbox_mutex);
    failure = error.what();
    arrived.notify_all();
  }
}

void LearnerEndpoint::Impl::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    channel->wait(kTick);
    // Where messages come densely, those who bring them run for a moment: going to sleep for each
    // few messages costs more than handling them.
    for (int i = 0; i < kBursts && receive_burst(); ++i) {
      deliver();
      std::this_thread::yield();
    }
    deliver();
  }
}

// Whether there was anything.
bool LearnerEndpoint::Impl::receive_burst() {
  for (int i = 0; i < kBurst; ++i) {
    const bool any = channel->receive([this](const Incoming& incoming) {
      const std::lock_guard lock(protocol_mutex);
      protocol.on_message(incoming.peer, incoming.user, incoming.message, clock.now());
    });
    if (!any) return i > 0;
  }
  channel->wake();  // there may be more: come back without waiting
  return true;
}

std::vector<std::pair<std::uint64_t, std::size_t>> LearnerEndpoint::Impl::take_returned() {
  const std::lock_guard lock(inbox_mutex);
  returned_bytes = 0;
  return std::exchange(returned, {});
}

// Fragments enter the inbox before the acknowledgement of them leaves.
void LearnerEndpoint::Impl::deliver() {
  LearnerOutput output;
  {
    const std::lock_guard lock(protocol_mutex);
    if (const Nanoseconds now = clock.now(); now >= next_tick) {  // it looks at every session
      protocol.on_tick(now);
      protocol.on_report(channel->take_report(), now);
      for (const std::string& key : allowed.refresh(now)) {
        protocol.expel(key, "has a key that is not on the list any more");
      }
      next_tick = now + kTick;
    }
    for (const auto& [worker_id, bytes] : take_returned()) {
      protocol.fragment_taken(worker_id, bytes);
    }
    output = protocol.take_output();
    {
      const std::lock_guard inbox_lock(inbox_mutex);
      for (auto& fragment : output.fragments) inbox.push_back(std::move(fragment));
      for (auto& event : output.events) events.push_back(std::move(event));
      while (events.size() > kMaxEvents) events.pop_front();
      for (auto& one : output.refused) refused.push_back(std::move(one));
      while (refused.size() > kMaxRefused) refused.pop_front();
      newly_refused = newly_refused || !output.refused.empty();
    }
    if (protocol.num_sessions() == 0) all_ended.notify_all();
  }
  if (!output.fragments.empty() || !output.refused.empty()) arrived.notify_all();
  for (const auto& key : output.shut_out) channel->shut_out(key);
  std::vector<std::string> gone;
  for (const auto& [peer, message] : output.messages) {
    if (channel->send(peer, message) == Sent::gone) gone.push_back(peer);
  }
  if (gone.empty()) return;
  const std::lock_guard lock(protocol_mutex);
  for (const auto& peer : gone) protocol.on_gone(peer);
}

LearnerEndpoint::LearnerEndpoint(LearnerOptions options, RunManifest manifest, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(manifest), clock)) {}

LearnerEndpoint::~LearnerEndpoint() = default;

std::string LearnerEndpoint::address() const {
  return impl_->channel->address();
}

void LearnerEndpoint::set_assignment(std::uint32_t slot, Bytes assignment) {
  const std::lock_guard lock(impl_->protocol_mutex);
  impl_->protocol.set_assignment(slot, std::move(assignment));
}

void LearnerEndpoint::publish(const WeightSnapshot& snapshot) {
  auto source =
      std::make_unique<WeightSource>(snapshot, impl_->options.limits, impl_->protocol.number());
  {
    const std::lock_guard lock(impl_->protocol_mutex);
    impl_->protocol.publish(std::move(source), impl_->clock.now());
  }
  impl_->channel->wake();
}

std::optional<ReceivedFragment> LearnerEndpoint::receive(milliseconds deadline) {
  std::optional<ReceivedFragment> result;
  bool wake = false;
  {
    std::unique_lock lock(impl_->inbox_mutex);
    impl_->arrived.wait_for(lock, deadline, [this] {
      return !impl_->inbox.empty() || impl_->newly_refused || !impl_->failure.empty();
    });
    impl_->newly_refused = false;
    if (impl_->inbox.empty() && !impl_->failure.empty()) {
      throw Error({.where = "LearnerEndpoint",
                   .what = "the thread that serves the workers ended: " + impl_->failure,
                   .remedy = "go on from the last checkpoint, with more memory"});
    }
    if (impl_->inbox.empty()) return std::nullopt;
    result = std::move(impl_->inbox.front());
    impl_->inbox.pop_front();
    // The I/O thread collects credit whenever it is awake; it is woken for it once per eighth.
    const std::size_t enough = impl_->options.credit_bytes / 8;
    const std::size_t bytes = result->fragment->block().size();
    impl_->returned.emplace_back(result->worker_id, bytes);
    wake = impl_->returned_bytes < enough && impl_->returned_bytes + bytes >= enough;
    impl_->returned_bytes += bytes;
  }
  if (wake) impl_->channel->wake();
  return result;
}

std::optional<WorkerEvent> LearnerEndpoint::poll_event() {
  const std::lock_guard lock(impl_->inbox_mutex);
  if (impl_->events.empty()) return std::nullopt;
  WorkerEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

std::optional<RefusedFragment> LearnerEndpoint::poll_refused() {
  const std::lock_guard lock(impl_->inbox_mutex);
  if (impl_->refused.empty()) return std::nullopt;
  RefusedFragment refused = std::move(impl_->refused.front());
  impl_->refused.pop_front();
  return refused;
}

std::vector<WorkerStatus> LearnerEndpoint::workers() const {
  const std::lock_guard lock(impl_->protocol_mutex);
  return impl_->protocol.workers();
}

TransportCounters LearnerEndpoint::counters() const {
  const std::lock_guard lock(impl_->protocol_mutex);
  return impl_->protocol.counters();
}

void LearnerEndpoint::quarantine(std::uint64_t worker_id, const std::string& why) {
  {
    const std::lock_guard lock(impl_->protocol_mutex);
    impl_->protocol.quarantine(worker_id, why);
  }
  impl_->channel->wake();
}

bool LearnerEndpoint::stop_workers(milliseconds deadline) {
  std::unique_lock lock(impl_->protocol_mutex);
  impl_->protocol.stop();
  impl_->channel->wake();
  return impl_->all_ended.wait_for(lock, deadline,
                                   [this] { return impl_->protocol.num_sessions() == 0; });
}

}  // namespace rl::transport
