#include "src/transport/gate.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <random>

namespace rl::transport {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::seconds kHandshake{5};
constexpr std::chrono::seconds kFarewell{2};  // for what a client sent before it left
constexpr std::chrono::seconds kDrain{1};     // for what ZeroMQ sent before it closed
constexpr std::size_t kMostArriving = 256;
constexpr std::size_t kSpareWorkers = 64;
constexpr std::size_t kOtherDescriptors = 128;
constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::size_t kHandshakeChunk = 2048;
constexpr std::size_t kSmallFramesPerSecond = 64;  // an honest one sends about one
constexpr std::size_t kMostIncidents = 64;
constexpr std::size_t kMostUnfinished = std::size_t{64} << 20;
constexpr int kBacklog = 1024;
constexpr std::uint64_t kListenerTag = 0;
constexpr std::uint64_t kWakeTag = 1;
constexpr std::uint32_t kFirstNumber = 64U << 16;  // 127.64.0.0 to 127.127.255.255
constexpr std::uint32_t kNumbers = 64U << 16;

Nanoseconds now_is() {
  return steady_clock().now();
}

// As many as there are descriptors for, besides those of the rest of the process.
std::size_t most_connections(std::size_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t left =
      limit.rlim_cur > kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors : 0;
  return std::clamp<std::size_t>(left / kGateDescriptors, 4, wanted);
}

GateBounds bounds_of(const LearnerOptions& options) {
  const std::size_t two = 2 * wire_bytes(options.limits.max_message_bytes);
  return {.per_connection = two,
          .in_all = std::max(kMostUnfinished, 4 * two),
          .silence = std::max<Nanoseconds>(options.worker_timeout, 2s)};
}

// The number of a connection in the address it reaches ZeroMQ from; 0: not one of ours.
std::uint32_t number_of(std::string_view from) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(from).c_str(), &address) != 1) return 0;
  const std::uint32_t number = ntohl(address.s_addr) & 0xFFFFFF;
  return ntohl(address.s_addr) >> 24 == 127 && number >= kFirstNumber ? number : 0;
}

// Sends at once what can be, keeps the rest. False when the connection is gone.
bool pass_on(const TcpSocket& to, Bytes& pending, std::span<const std::byte> bytes) {
  if (pending.empty() && to.is_open()) {
    const std::ptrdiff_t sent = to.write(bytes);
    if (sent < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  pending.insert(pending.end(), bytes.begin(), bytes.end());
  return true;
}

bool flush(const TcpSocket& to, Bytes& pending) {
  const std::ptrdiff_t sent = pending.empty() ? 0 : to.write(pending);
  if (sent > 0) pending.erase(pending.begin(), pending.begin() + sent);
  return sent >= 0;
}

}  // namespace

Gate::Gate(const LearnerOptions& options, std::uint16_t inner_port)
    : max_message_bytes_(options.limits.max_message_bytes),
      inner_port_(inner_port),
      listener_(listen_tcp(options.bind.substr(options.bind.find("://") + 3), kBacklog)),
      address_("tcp://" + local_name(listener_)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      accounts_(bounds_of(options)),
      next_number_(std::random_device{}() % kNumbers),
      scratch_(kChunk) {
  most_connections_ = most_connections(options.limits.max_workers + kSpareWorkers + kMostArriving);
  most_arriving_ = std::min(kMostArriving, most_connections_ / 2);
  watch(listener_.get(), kListenerTag, EPOLLIN, listener_events_);
  std::uint32_t none = 0;
  watch(wake_.get(), kWakeTag, EPOLLIN, none);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Gate::~Gate() {
  thread_.request_stop();
  eventfd_write(wake_.get(), 1);
}

void Gate::run(const std::stop_token& stop) {
  std::array<epoll_event, 64> events;
  Nanoseconds looked = now_is();
  std::optional<Nanoseconds> end;
  while (!end || (now_is() < *end && connections_.size() > arriving_.size())) {
    if (stop.stop_requested() && !end) {
      listener_.close();
      end = now_is() + kDrain;
    }
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), kTick / 1ms);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[i].data.u64;
      if (tag == kListenerTag) {
        accept_all();
      } else if (tag == kWakeTag) {
        eventfd_t value;
        eventfd_read(wake_.get(), &value);
        look_at_held_up();
      } else if (const auto found = connections_.find(static_cast<std::uint32_t>(tag >> 1));
                 found != connections_.end()) {
        serve(*found->second, (tag & 1) != 0, events[i].events);
      }
    }
    const Nanoseconds now = now_is();
    if (now - looked < kTick) continue;
    looked = now;
    look_around(now);
  }
}

void Gate::accept_all() {
  for (;;) {
    Accepted accepted = accept_tcp(listener_);
    const Nanoseconds now = now_is();
    if (accepted.error == EINTR || accepted.error == ECONNABORTED) continue;
    if (accepted.error == EAGAIN) return;
    if (!accepted.socket.is_open()) {  // no descriptors or memory: later
      accept_again_ = now + 100ms;
      return watch(listener_.get(), kListenerTag, 0, listener_events_);
    }
    auto made = std::make_unique<Connection>(max_message_bytes_);
    Connection& connection = *made;
    connection.number = new_number();
    connection.client = std::move(accepted.socket);
    connection.source = std::move(accepted.source);
    connection.deadline = now + kHandshake;
    connections_[connection.number] = std::move(made);
    arriving_.push_back(connection.number);
    ++arriving_from_[connection.source];
    accounts_.open(connection.number, now);
    const Greeting greeting = curve_greeting();
    if (!pass_on(connection.client, connection.to_client, greeting)) {
      reject(connection, Rejection::left_early);
      continue;
    }
    watch(connection);
    make_room();
  }
}

// The oldest of those from where most come from.
void Gate::make_room() {
  if (arriving_.size() <= most_arriving_ && connections_.size() <= most_connections_) return;
  const auto most =
      std::max_element(arriving_from_.begin(), arriving_from_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto oldest = std::find_if(arriving_.begin(), arriving_.end(), [&](std::uint32_t number) {
    return connections_.at(number)->source == most->first;
  });
  reject(*connections_.at(*oldest), Rejection::crowded_out);
}

void Gate::serve(Connection& connection, bool is_client, std::uint32_t events) {
  const std::uint32_t number = connection.number;
  if (is_client && connection.client_left) return;  // an event of before
  bool good = true;
  if ((events & EPOLLOUT) != 0) {
    good = is_client ? flush(connection.client, connection.to_client)
                     : flush(connection.inner, connection.to_inner);
  }
  const bool is_broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool reads =
      ((is_client ? connection.client_events : connection.inner_events) & EPOLLIN) != 0;
  if (good && reads && ((events & EPOLLIN) != 0 || is_broken)) {
    good = is_client ? read_client(connection) : read_inner(connection);
  } else if (is_broken) {
    good = false;
  }
  if (!connections_.contains(number)) return;  // rejected
  if (!good) {
    return is_arriving(connection) ? reject(connection, Rejection::left_early) : drop(connection);
  }
  if (connection.client_left && connection.to_inner.empty()) connection.inner.finish_writing();
  watch(connection);
}

// False when the connection is over.
bool Gate::read_client(Connection& connection) {
  const Nanoseconds now = now_is();
  ZmtpClientReader& reader = connection.from_client;
  const bool is_in = reader.stage() == ZmtpClientReader::Stage::let_in;
  const std::span<std::byte> space(scratch_.data(), is_in ? kChunk : kHandshakeChunk);
  const std::ptrdiff_t count = connection.client.read(space);
  if (count == 0) return true;
  if (count < 0) {
    if (!is_in || !connection.inner.is_open()) return false;
    connection.client_left = true;
    connection.client.close();
    connection.to_client.clear();
    connection.deadline = now + kFarewell;
    return true;
  }
  const auto bytes = space.first(static_cast<std::size_t>(count));
  if (const auto defect = reader.read(bytes)) {
    reject(connection, *defect);
    return true;
  }
  const auto traffic = reader.take_traffic();
  if (is_in) {
    accounts_.handed_in(connection.number, traffic.message_bytes, now);
    if (is_flood(connection, traffic.small_frames, now)) {
      reject(connection, Rejection::tiny_frames);
      return true;
    }
  }
  if (!connection.inner.is_open() && reader.stage() != ZmtpClientReader::Stage::greeting) {
    connection.inner = connect_loopback(connection.number, inner_port_);
    if (!connection.inner.is_open()) return false;
  }
  return pass_on(connection.inner, connection.to_inner, bytes);
}

bool Gate::is_flood(Connection& connection, std::size_t small_frames, Nanoseconds now) const {
  if (now - connection.small_since >= 1s) {
    connection.small_since = now;
    connection.small_frames = 0;
  }
  connection.small_frames += small_frames;
  return connection.small_frames > kSmallFramesPerSecond;
}

bool Gate::read_inner(Connection& connection) {
  const std::ptrdiff_t count = connection.inner.read(scratch_);
  const bool was_in = connection.from_client.stage() == ZmtpClientReader::Stage::let_in;
  if (count == 0) return true;
  if (count < 0) {
    if (was_in) return false;
    reject(connection, Rejection::wrong_key);
    return true;
  }
  std::span<const std::byte> bytes(scratch_.data(), static_cast<std::size_t>(count));
  auto verdict = ZmtpServerReader::Verdict::let_in;
  if (!was_in) {
    std::size_t skip = 0;
    verdict = connection.from_inner.read(bytes, skip);
    bytes = bytes.subspan(skip);
  }
  if (verdict == ZmtpServerReader::Verdict::refused) {
    // Not told why: libzmq would never try again, and the key may be put on the list meanwhile.
    reject(connection, Rejection::wrong_key);
    return true;
  }
  if (!connection.client_left && !pass_on(connection.client, connection.to_client, bytes)) {
    return false;
  }
  if (verdict == ZmtpServerReader::Verdict::let_in && !was_in) let_in(connection);
  return true;
}

void Gate::let_in(Connection& connection) {
  no_longer_arriving(connection);
  connection.from_client.let_in();
  const std::lock_guard lock(report_mutex_);
  ++report_.let_in;
}

void Gate::look_around(Nanoseconds now) {
  if (accept_again_ != Nanoseconds{} && now >= accept_again_) {
    accept_again_ = {};
    watch(listener_.get(), kListenerTag, EPOLLIN, listener_events_);
  }
  while (!arriving_.empty() && now >= connections_.at(arriving_.front())->deadline) {
    reject(*connections_.at(arriving_.front()), Rejection::too_slow);
  }
  for (const auto& [number, reason] : accounts_.judge(now)) {
    const auto found = connections_.find(number);
    if (found != connections_.end()) reject(*found->second, reason);
  }
  std::vector<Connection*> over;
  for (const auto& [number, connection] : connections_) {
    if (connection->client_left && now >= connection->deadline) over.push_back(connection.get());
  }
  for (Connection* connection : over) drop(*connection);
  look_at_held_up();  // what others held may be free
}

void Gate::look_at_held_up() {
  for (const std::uint32_t number : std::vector(held_up_.begin(), held_up_.end())) {
    watch(*connections_.at(number));
  }
}

void Gate::watch(Connection& connection) {
  const bool is_in = !is_arriving(connection);
  const bool may_read = !is_in || accounts_.may_hand_in(connection.number);
  if (may_read) {
    held_up_.erase(connection.number);
  } else {
    held_up_.insert(connection.number);
  }
  const std::uint64_t tag = std::uint64_t{connection.number} << 1;
  const auto wanted = [](bool in, const Bytes& out) -> std::uint32_t {
    return (in ? EPOLLIN : 0U) | (out.empty() ? 0U : EPOLLOUT);
  };
  if (connection.client.is_open()) {
    const bool inner_takes = connection.to_inner.empty() || !connection.inner.is_open();
    watch(connection.client.get(), tag | 1, wanted(may_read && inner_takes, connection.to_client),
          connection.client_events);
  }
  if (connection.inner.is_open()) {
    watch(connection.inner.get(), tag, wanted(connection.to_client.empty(), connection.to_inner),
          connection.inner_events);
  }
}

// `current` is 0 for what is not watched yet, or not watched for anything.
void Gate::watch(int descriptor, std::uint64_t tag, std::uint32_t events,
                 std::uint32_t& current) const {
  constexpr std::uint32_t kKnown = 1U << 27;  // a bit of no event
  if (current == (events | kKnown)) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  const int what = (current & kKnown) == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_ctl(epoll_.get(), what, descriptor, &event);
  current = events | kKnown;
}

void Gate::reject(Connection& connection, Rejection reason) {
  const bool arriving = is_arriving(connection);
  {
    const std::lock_guard lock(report_mutex_);
    ++report_.rejected[static_cast<std::size_t>(reason)];
    const std::string key = arriving ? "" : accounts_.key_of(connection.number);
    const bool is_new = !key.empty() || report_.incidents.empty();
    if (is_new && report_.incidents.size() < kMostIncidents) {
      report_.incidents.push_back({reason, connection.source, key});
    }
  }
  drop(connection);
}

void Gate::drop(Connection& connection) {
  if (is_arriving(connection)) no_longer_arriving(connection);
  held_up_.erase(connection.number);
  accounts_.close(connection.number);
  connections_.erase(connection.number);
}

bool Gate::is_arriving(const Connection& connection) const {
  return connection.from_client.stage() != ZmtpClientReader::Stage::let_in;
}

void Gate::no_longer_arriving(const Connection& connection) {
  std::erase(arriving_, connection.number);
  const auto from = arriving_from_.find(connection.source);
  if (--from->second == 0) arriving_from_.erase(from);
}

std::uint32_t Gate::new_number() {
  do {
    next_number_ = (next_number_ + 1) % kNumbers;
  } while (connections_.contains(kFirstNumber + next_number_));
  return kFirstNumber + next_number_;
}

bool Gate::log_in(std::string_view from, std::string_view key) {
  const std::uint32_t number = number_of(from);
  return number != 0 && accounts_.log_in(number, key, now_is());
}

void Gate::came_out(std::string_view from, std::size_t on_the_wire) {
  if (accounts_.came_out(number_of(from), on_the_wire, now_is())) eventfd_write(wake_.get(), 1);
}

void Gate::all_came_out() {
  accounts_.all_came_out(now_is());
}

void Gate::shut_out(std::string_view key) {
  accounts_.shut_out(key);
}

GateReport Gate::take_report() {
  const std::lock_guard lock(report_mutex_);
  return std::exchange(report_, {});
}

}  // namespace rl::transport
