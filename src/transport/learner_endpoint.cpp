#include "rl/transport/learner_endpoint.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>

#include "rl/core/error.h"
#include "src/transport/channel.h"
#include "src/transport/learner_protocol.h"

namespace rl::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{50};
constexpr int kBurst = 64;  // messages handled before what they caused is sent
constexpr std::size_t kMaxEvents = 4096;

}  // namespace

//   caller's threads ── protocol_mutex ──► protocol ◄── protocol_mutex ── I/O thread ──► channel
//                    ── inbox_mutex ────► inbox, events ◄── inbox_mutex ──┘
// Lock order: protocol_mutex before inbox_mutex, never the other way.
struct LearnerEndpoint::Impl {
  Impl(LearnerOptions given, RunManifest manifest, const Clock& the_clock)
      : options((validate(given), std::move(given))),
        clock(the_clock),
        protocol(options, std::move(manifest)),
        channel(bind_channel(options, [this](std::string_view key) { return admits(key); })),
        thread([this](const std::stop_token& stop) { run(stop); }) {}

  ~Impl() {
    thread.request_stop();
    channel->wake();
  }

  bool admits(std::string_view key) {
    const std::lock_guard lock(protocol_mutex);
    const auto& allowed = options.allowed_workers;
    return std::find(allowed.begin(), allowed.end(), key) != allowed.end() &&
           !protocol.is_banned(std::string(key));
  }

  void run(const std::stop_token& stop);
  void receive_burst();
  void deliver();
  void return_credit(const ReceivedFragment& taken);

  const LearnerOptions options;
  const Clock& clock;

  mutable std::mutex protocol_mutex;
  LearnerProtocol protocol;
  std::condition_variable session_ended;

  std::mutex inbox_mutex;
  std::condition_variable arrived;
  std::deque<ReceivedFragment> inbox;
  std::deque<WorkerEvent> events;
  std::size_t returned_bytes = 0;  // credit given back since the I/O thread last woke for it

  std::unique_ptr<Channel> channel;
  std::jthread thread;  // last: stops before anything it uses is gone
};

void LearnerEndpoint::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    channel->wait(kTick);
    receive_burst();
    deliver();
  }
}

void LearnerEndpoint::Impl::receive_burst() {
  for (int i = 0; i < kBurst; ++i) {
    const bool any = channel->receive([this](const Incoming& incoming) {
      const std::lock_guard lock(protocol_mutex);
      protocol.on_message(incoming.peer, incoming.user, incoming.message, clock.now());
    });
    if (!any) return;
  }
  channel->wake();  // there may be more: come back without waiting
}

// Fragments enter the inbox before the acknowledgement of them leaves.
void LearnerEndpoint::Impl::deliver() {
  LearnerOutput output;
  {
    const std::lock_guard lock(protocol_mutex);
    const std::size_t before = protocol.num_sessions();
    protocol.on_tick(clock.now());
    output = protocol.take_output();
    {
      const std::lock_guard inbox_lock(inbox_mutex);
      for (auto& fragment : output.fragments) inbox.push_back(std::move(fragment));
      for (auto& event : output.events) events.push_back(std::move(event));
      while (events.size() > kMaxEvents) events.pop_front();
    }
    if (protocol.num_sessions() == 0 || protocol.num_sessions() < before)
      session_ended.notify_all();
  }
  if (!output.fragments.empty()) arrived.notify_all();
  for (const auto& [peer, message] : output.messages) channel->send(peer, message);
}

void LearnerEndpoint::Impl::return_credit(const ReceivedFragment& taken) {
  const std::size_t bytes = taken.fragment->block().size();
  bool wake = false;
  {
    const std::lock_guard lock(protocol_mutex);
    protocol.fragment_taken(taken.worker_id, bytes);
    returned_bytes += bytes;
    wake = returned_bytes >= options.credit_bytes / 8;
    if (wake) returned_bytes = 0;
  }
  if (wake) channel->wake();
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
  auto source = std::make_unique<WeightSource>(snapshot, impl_->options.limits);
  {
    const std::lock_guard lock(impl_->protocol_mutex);
    impl_->protocol.publish(std::move(source), impl_->clock.now());
  }
  impl_->channel->wake();
}

std::optional<ReceivedFragment> LearnerEndpoint::receive(milliseconds deadline) {
  std::optional<ReceivedFragment> result;
  {
    std::unique_lock lock(impl_->inbox_mutex);
    impl_->arrived.wait_for(lock, deadline, [this] { return !impl_->inbox.empty(); });
    if (impl_->inbox.empty()) return std::nullopt;
    result = std::move(impl_->inbox.front());
    impl_->inbox.pop_front();
  }
  impl_->return_credit(*result);
  return result;
}

std::optional<WorkerEvent> LearnerEndpoint::poll_event() {
  const std::lock_guard lock(impl_->inbox_mutex);
  if (impl_->events.empty()) return std::nullopt;
  WorkerEvent event = std::move(impl_->events.front());
  impl_->events.pop_front();
  return event;
}

std::vector<WorkerStatus> LearnerEndpoint::workers() const {
  const std::lock_guard lock(impl_->protocol_mutex);
  return impl_->protocol.workers();
}

TransportCounters LearnerEndpoint::counters() const {
  const std::lock_guard lock(impl_->protocol_mutex);
  return impl_->protocol.counters();
}

bool LearnerEndpoint::stop_workers(milliseconds deadline) {
  std::unique_lock lock(impl_->protocol_mutex);
  impl_->protocol.stop();
  impl_->channel->wake();
  return impl_->session_ended.wait_for(lock, deadline,
                                       [this] { return impl_->protocol.num_sessions() == 0; });
}

}  // namespace rl::transport
