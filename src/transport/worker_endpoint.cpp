#include "rl/transport/worker_endpoint.h"

#include <algorithm>

#include "src/transport/channel.h"
#include "src/transport/random_number.h"
#include "src/transport/worker_protocol.h"

namespace rl::transport {
namespace {

using std::chrono::milliseconds;

// Listening costs a system call: a worker that sends thousands of fragments a second does so less
// often than it sends.
constexpr milliseconds kListenEvery{1};
constexpr milliseconds kLongestWait{1000};
// libzmq never connects again where a handshake broke the protocol, as by a flipped bit: who is
// not let in takes a new socket after this long, then after twice that, and so on.
constexpr milliseconds kFirstSocket{10000};

std::string text_of(milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

}  // namespace

struct WorkerEndpoint::Impl {
  Impl(WorkerOptions given, Hello hello, const Clock& the_clock)
      : options((validate(given), std::move(given))),
        clock(the_clock),
        protocol(options, std::move(hello), random_number()),
        channel(connect_channel(options)) {}

  // One round: send what there is, wait for at most `timeout` when nothing was there to read.
  void exchange(milliseconds timeout);
  void send_all();
  bool receive_all();
  milliseconds until_tick() const;
  void check_learner() const;
  [[noreturn]] void throw_refusal() const;
  // Exchanges until `done` or the deadline; the last value of `done`.
  template <class Done>
  bool exchange_until(milliseconds deadline, Done done, bool checked = true);

  const WorkerOptions options;
  const Clock& clock;
  WorkerProtocol protocol;
  std::unique_ptr<Channel> channel;
  std::shared_ptr<const FragmentSchema> schema;
  Nanoseconds last_exchange{};
  bool blocked = false;  // the channel took no more when it was last asked
};

void WorkerEndpoint::Impl::send_all() {
  while (protocol.has_outgoing() && channel->send({}, protocol.outgoing()) == Sent::yes) {
    protocol.pop_outgoing();
  }
  blocked = protocol.has_outgoing();
}

bool WorkerEndpoint::Impl::receive_all() {
  bool any = false;
  while (channel->receive(
      [this](const Incoming& incoming) { protocol.on_message(incoming.message, clock.now()); })) {
    any = true;
  }
  return any;
}

// Thousands of idle workers share a host: none wakes up before there is something to do.
milliseconds WorkerEndpoint::Impl::until_tick() const {
  const Nanoseconds left =
      std::min<Nanoseconds>(protocol.next_tick(), clock.now() + kLongestWait) - clock.now();
  return std::chrono::ceil<milliseconds>(std::max(left, Nanoseconds{}));
}

void WorkerEndpoint::Impl::exchange(milliseconds timeout) {
  last_exchange = clock.now();
  bool any = receive_all();
  protocol.on_tick(clock.now());
  send_all();
  if (!any && timeout.count() > 0) {
    channel->wait(std::min(timeout, until_tick()), protocol.has_outgoing());
    any = receive_all();
    send_all();
  }
}

void WorkerEndpoint::Impl::throw_refusal() const {
  const RefusalMessage& refusal = *protocol.refusal();
  const ErrorText text{.where = "WorkerEndpoint at " + options.connect,
                       .what = refusal.what,
                       .expected = refusal.expected,
                       .got = refusal.got,
                       .remedy = refusal.remedy};
  if (protocol.welcome()) throw LearnerLost(text);
  throw Error(text);
}

void WorkerEndpoint::Impl::check_learner() const {
  if (protocol.state() == WorkerState::refused) throw_refusal();
  const auto since = protocol.silent_since();
  if (!since || clock.now() - *since <= options.learner_timeout) return;
  throw LearnerLost({.where = "WorkerEndpoint",
                     .what = "the learner at " + options.connect + " does not answer",
                     .expected = "a sign of life within " + text_of(options.learner_timeout),
                     .got = "silence",
                     .remedy = "see whether the learner still runs; connect again when it does"});
}

template <class Done>
bool WorkerEndpoint::Impl::exchange_until(milliseconds deadline, Done done, bool checked) {
  const Nanoseconds end = clock.now() + deadline;
  milliseconds left{0};  // the first round never waits
  for (;;) {
    exchange(left);
    if (done()) return true;
    if (checked) check_learner();
    const Nanoseconds now = clock.now();
    if (now >= end) return false;
    left = std::chrono::ceil<milliseconds>(end - now);
  }
}

WorkerEndpoint::WorkerEndpoint(WorkerOptions options, Hello hello, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(hello), clock)) {}

WorkerEndpoint::~WorkerEndpoint() {
  if (impl_->protocol.state() == WorkerState::left) return;
  impl_->protocol.abandon();  // tells the learner, which need not wait for its time-out then
  impl_->send_all();
}

Welcome WorkerEndpoint::connect(milliseconds deadline) {
  WorkerProtocol& protocol = impl_->protocol;
  if (protocol.state() != WorkerState::idle) {
    throw Error({.where = "WorkerEndpoint::connect",
                 .what = "called twice",
                 .remedy = "make a new endpoint for a new connection"});
  }
  protocol.join(impl_->clock.now());
  const Nanoseconds end = impl_->clock.now() + deadline;
  const auto joined = [&] { return protocol.state() == WorkerState::joined; };
  for (milliseconds patience = kFirstSocket;; patience *= 2) {
    const auto left = std::chrono::ceil<milliseconds>(end - impl_->clock.now());
    if (impl_->exchange_until(std::min(patience, left), joined) || left <= patience) break;
    impl_->channel = connect_channel(impl_->options);
  }
  if (protocol.welcome()) return *protocol.welcome();
  if (protocol.refusal()) impl_->throw_refusal();
  throw Error({.where = "WorkerEndpoint",
               .what = "nobody answered at " + impl_->options.connect,
               .expected = "a learner within " + text_of(deadline),
               .got = "silence",
               .remedy = "start the learner first, check the address" +
                         std::string(impl_->options.keys.secret_key.empty()
                                         ? " and that the learner does not ask for keys"
                                         : " and that each end has the other's key")});
}

void WorkerEndpoint::set_schema(std::shared_ptr<const FragmentSchema> schema) {
  impl_->schema = std::move(schema);
}

bool WorkerEndpoint::send(FragmentPtr fragment, milliseconds deadline) {
  if (!impl_->schema || fragment->header().schema_digest != impl_->schema->digest()) {
    throw Error({.where = "WorkerEndpoint::send",
                 .what = "the fragment's schema is not the connection's",
                 .expected = impl_->schema ? std::to_string(impl_->schema->digest())
                                           : "set_schema() before the first send",
                 .got = std::to_string(fragment->header().schema_digest)});
  }
  WorkerProtocol& protocol = impl_->protocol;
  if (protocol.state() != WorkerState::joined) {
    throw Error({.where = "WorkerEndpoint::send",
                 .what = "not connected",
                 .remedy = "call connect() first, and send before close()"});
  }
  bool taken = protocol.submit(fragment, impl_->clock.now());
  if (taken) {
    if (!impl_->blocked) impl_->send_all();
    if (impl_->clock.now() - impl_->last_exchange >= kListenEvery) pump();
    return true;
  }
  protocol.flush();  // credit comes back for what has left
  impl_->exchange_until(deadline, [&] {
    if (protocol.state() != WorkerState::joined) return false;
    return taken = protocol.submit(fragment, impl_->clock.now());
  });
  return taken;
}

void WorkerEndpoint::flush() {
  impl_->protocol.flush();
  pump();
}

std::optional<WeightSnapshot> WorkerEndpoint::take_weights() {
  return impl_->protocol.weights().take();
}

std::optional<WeightSnapshot> WorkerEndpoint::wait_for_weights(std::uint64_t at_least,
                                                               milliseconds deadline) {
  WorkerProtocol& protocol = impl_->protocol;
  protocol.flush();
  const auto here = [&] {
    const auto& complete = protocol.weights().complete();
    return complete && complete->version >= at_least;
  };
  impl_->exchange_until(deadline, [&] { return here() || protocol.stop_requested(); });
  return here() ? protocol.weights().take() : std::nullopt;
}

void WorkerEndpoint::pump(milliseconds timeout) {
  impl_->exchange(timeout);
  impl_->check_learner();
}

void WorkerEndpoint::report_progress(const WorkerProgress& progress) {
  impl_->protocol.report_progress(progress);
}

bool WorkerEndpoint::stop_requested() const {
  return impl_->protocol.stop_requested();
}

std::size_t WorkerEndpoint::unacknowledged() const {
  return impl_->protocol.unacknowledged();
}

bool WorkerEndpoint::close(milliseconds deadline) {
  WorkerProtocol& protocol = impl_->protocol;
  if (protocol.state() == WorkerState::left) return protocol.unacknowledged() == 0;
  protocol.leave(impl_->clock.now());
  const auto over = [&] {
    return protocol.state() == WorkerState::left || protocol.state() == WorkerState::refused;
  };
  impl_->exchange_until(deadline, over, false);
  const bool complete = protocol.unacknowledged() == 0;
  if (!over()) protocol.abandon();
  impl_->send_all();
  return complete;
}

}  // namespace rl::transport
