#include "support/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using transport::TcpSocket;

constexpr std::size_t kPiece = 16384;
constexpr std::size_t kMostRecorded = 1'000'000;
constexpr std::size_t kMostQueued = std::size_t{256} << 10;  // per lane: like a router's buffer

TcpSocket connect_to(std::uint16_t port) {
  TcpSocket result(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  target.sin_port = htons(port);
  const int code = connect(result.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target);
  return code == 0 || errno == EINPROGRESS ? std::move(result) : TcpSocket();
}

double exponential(RngStream& random, double mean) {
  return -mean * std::log(1.0 - random.uniform());
}

}  // namespace

FaultProxy::FaultProxy(std::uint16_t target_port, const FaultProxyOptions& options,
                       std::uint64_t seed)
    : target_port_(target_port),
      seed_(seed),
      listener_(transport::listen_tcp("127.0.0.1:*", 1024)),
      name_(transport::local_name(listener_)),
      options_(options),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

FaultProxy::~FaultProxy() {
  thread_.request_stop();
  thread_.join();
  reset_all();
}

std::uint16_t FaultProxy::port() const {
  return static_cast<std::uint16_t>(std::stoul(name_.substr(name_.rfind(':') + 1)));
}

void FaultProxy::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waits{{listener_.get(), POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      while (true) {
        const std::size_t before = links_.size();
        accept(counters_.connections);
        if (links_.size() == before) break;
      }
      if (!paused_) std::erase_if(links_, [this](const auto& link) { return !relay(*link); });
      for (const auto& link : links_) {
        const auto events = [&](const Lane& in) -> short {
          return !paused_ && !in.ended && in.queued < kMostQueued ? POLLIN : 0;
        };
        if (events(link->up) != 0) waits.push_back({link->client.get(), POLLIN, 0});
        if (events(link->down) != 0) waits.push_back({link->target.get(), POLLIN, 0});
      }
    }
    poll(waits.data(), waits.size(), 1);
  }
}

void FaultProxy::accept(std::uint64_t number) {
  auto accepted = transport::accept_tcp(listener_);
  if (!accepted.socket.is_open()) return;
  ++counters_.connections;
  TcpSocket target = connect_to(target_port_);
  if (!target.is_open()) return;
  RngStream fate(seed_, RngRole::test, (std::uint64_t{1} << 40) + number);
  const double life = options_.bytes_until_cut > 0.0 ? exponential(fate, options_.bytes_until_cut)
                                                     : std::numeric_limits<double>::infinity();
  links_.push_back(std::make_unique<Link>(Link{.client = std::move(accepted.socket),
                                               .target = std::move(target),
                                               .up = Lane(seed_, 2 * number),
                                               .down = Lane(seed_, 2 * number + 1),
                                               .bytes_left = life,
                                               .is_first = number == 0}));
}

bool FaultProxy::relay(Link& link) {
  const bool good = take(link, link.up, link.client) && take(link, link.down, link.target) &&
                    give(link, link.up, link.target) && give(link, link.down, link.client);
  const bool done = link.up.ended && link.down.ended;
  return good && (link.is_dead || !done);
}

bool FaultProxy::take(Link& link, Lane& lane, const TcpSocket& from) {
  while (!lane.ended && lane.queued < kMostQueued) {
    std::vector<std::byte> bytes(kPiece);
    const std::ptrdiff_t count = from.read(bytes);
    if (count == 0) return true;
    if (count < 0) {
      lane.ended = true;
      return true;
    }
    if (link.is_dead) continue;
    bytes.resize(static_cast<std::size_t>(count));
    if (link.is_first && &lane == &link.up && recording_.size() < kMostRecorded) {
      recording_.insert(recording_.end(), bytes.begin(), bytes.end());
    }
    spoil(lane, bytes);
    const auto now = Time::now();
    const auto extra = options_.jitter.count() == 0
                           ? milliseconds(0)
                           : milliseconds(lane.waits.below(
                                 static_cast<std::uint64_t>(options_.jitter.count()) + 1));
    auto due = std::max(now + options_.delay + extra, lane.last_due);
    if (options_.bytes_per_second > 0.0) {
      const std::chrono::duration<double> takes(static_cast<double>(count) /
                                                options_.bytes_per_second);
      lane.free_at =
          std::max(lane.free_at, now) + std::chrono::duration_cast<Time::duration>(takes);
      due = std::max(due, lane.free_at);
    }
    lane.last_due = due;
    lane.queued += bytes.size();
    lane.pieces.push_back({due, std::move(bytes)});
  }
  return true;
}

void FaultProxy::spoil(Lane& lane, std::vector<std::byte>& bytes) {
  if (options_.flips_per_byte <= 0.0) return;
  const auto draw = [&](double after) {
    lane.next_flip = after + std::floor(exponential(lane.flips, 1.0 / options_.flips_per_byte));
  };
  if (lane.next_flip < lane.position) draw(lane.position);
  const double end = lane.position + static_cast<double>(bytes.size());
  while (lane.next_flip < end) {
    const auto at = static_cast<std::size_t>(lane.next_flip - lane.position);
    bytes[at] ^= static_cast<std::byte>(1U << lane.flips.below(8));
    ++counters_.flips;
    draw(lane.next_flip + 1.0);
  }
  lane.position = end;
}

bool FaultProxy::give(Link& link, Lane& lane, const TcpSocket& to) {
  const auto now = Time::now();
  while (!lane.pieces.empty() && lane.pieces.front().due <= now) {
    Piece& piece = lane.pieces.front();
    auto bytes = std::span<const std::byte>(piece.bytes).subspan(piece.sent);
    const bool is_last = static_cast<double>(bytes.size()) >= link.bytes_left;
    if (is_last) bytes = bytes.first(static_cast<std::size_t>(link.bytes_left));
    const std::ptrdiff_t sent = bytes.empty() ? 0 : to.write(bytes);
    if (sent < 0) return false;
    counters_.bytes += static_cast<std::uint64_t>(sent);
    if (is_last) {
      ++counters_.cuts;
      end(link, options_.cut_by_reset);
      return false;
    }
    if (sent == 0) return true;
    link.bytes_left -= static_cast<double>(sent);
    piece.sent += static_cast<std::size_t>(sent);
    lane.queued -= static_cast<std::size_t>(sent);
    if (piece.sent == piece.bytes.size()) lane.pieces.pop_front();
  }
  if (lane.ended && lane.pieces.empty() && !link.is_dead) to.finish_writing();
  return true;
}

void FaultProxy::end(Link& link, bool by_reset) {
  if (!by_reset) return;  // closing says FIN
  const linger now{.l_onoff = 1, .l_linger = 0};
  for (const TcpSocket* socket : {&link.client, &link.target}) {
    setsockopt(socket->get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
}

void FaultProxy::set(const FaultProxyOptions& options) {
  const std::lock_guard lock(mutex_);
  options_ = options;
}

void FaultProxy::pause(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
}

void FaultProxy::half_open() {
  const std::lock_guard lock(mutex_);
  for (const auto& link : links_) {
    link->is_dead = true;
    link->up.pieces.clear();
    link->down.pieces.clear();
    link->up.queued = link->down.queued = 0;
  }
}

void FaultProxy::reset_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& link : links_) end(*link, true);
  links_.clear();
}

std::vector<std::byte> FaultProxy::recording() const {
  const std::lock_guard lock(mutex_);
  return recording_;
}

FaultProxyCounters FaultProxy::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace rl::tests
