#include "src/transport/tcp_socket.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace rl::transport {
namespace {

constexpr int kKind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

void set(const TcpSocket& socket, int level, int name, int value = 1) {
  setsockopt(socket.get(), level, name, &value, sizeof value);
}

void set_patience(const TcpSocket& socket) {
  const std::chrono::milliseconds patience = kPatienceWithWorkers;
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(patience.count()));
  set(socket, SOL_SOCKET, SO_KEEPALIVE);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, kProbeSeconds);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, kProbeSeconds);
}

// The IPv4 address of a network interface, or the name itself.
std::string without_interface(const std::string& name) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return name;
  std::string result = name;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || name != one->ifa_name) {
      continue;
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text.data(),
              text.size());
    result = text.data();
    break;
  }
  freeifaddrs(all);
  return result;
}

std::string host_of(const sockaddr_storage& address, socklen_t length, std::string* port) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
              service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (port != nullptr) *port = service.data();
  return host.data();
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  close();
  number_ = std::exchange(other.number_, -1);
  return *this;
}

void Descriptor::close() {
  if (is_open()) ::close(std::exchange(number_, -1));
}

std::ptrdiff_t TcpSocket::read(std::span<std::byte> into) const {
  for (;;) {
    const ssize_t result = recv(get(), into.data(), into.size(), 0);
    if (result > 0) return result;
    if (result == 0) return -1;
    if (errno != EINTR) return errno == EAGAIN ? 0 : -1;
  }
}

std::ptrdiff_t TcpSocket::write(std::span<const std::byte> bytes) const {
  for (;;) {
    const ssize_t result = send(get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (result >= 0) return result;
    if (errno != EINTR) return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
  }
}

void TcpSocket::finish_writing() const {
  shutdown(get(), SHUT_WR);
}

TcpSocket listen_tcp(const std::string& host_and_port, int backlog) {
  const std::size_t colon = host_and_port.rfind(':');
  std::string host = without_interface(host_and_port.substr(0, colon));
  std::string port = host_and_port.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (port == "*") port = "0";
  addrinfo hints{};
  hints.ai_family = host == "*" ? AF_INET : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int result =
      getaddrinfo(host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (result != 0) fail(EADDRNOTAVAIL, gai_strerror(result));
  TcpSocket listener(socket(found->ai_family, kKind, 0));
  if (listener.is_open()) set(listener, SOL_SOCKET, SO_REUSEADDR);
  const bool bound = listener.is_open() &&
                     bind(listener.get(), found->ai_addr, found->ai_addrlen) == 0 &&
                     listen(listener.get(), backlog) == 0;
  const int error = errno;
  freeaddrinfo(found);
  if (!bound) fail(error, "listen");
  return listener;
}

std::string local_name(const TcpSocket& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  std::string port;
  const std::string host = host_of(address, length, &port);
  return (address.ss_family == AF_INET6 ? "[" + host + "]" : host) + ":" + port;
}

Accepted accept_tcp(const TcpSocket& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Accepted accepted;
  accepted.socket = TcpSocket(accept4(listener.get(), reinterpret_cast<sockaddr*>(&address),
                                      &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.socket.is_open()) {
    accepted.error = errno;
    return accepted;
  }
  set(accepted.socket, IPPROTO_TCP, TCP_NODELAY);
  set_patience(accepted.socket);
  accepted.source = host_of(address, length, nullptr);
  return accepted;
}

TcpSocket connect_loopback(std::uint32_t from, std::uint16_t port) {
  TcpSocket result(socket(AF_INET, kKind, 0));
  if (!result.is_open()) return result;
  set(result, IPPROTO_TCP, TCP_NODELAY);
  set(result, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK >> 24 << 24 | from);
  sockaddr_in target = source;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  target.sin_port = htons(port);
  const auto* from_name = reinterpret_cast<const sockaddr*>(&source);
  const auto* to_name = reinterpret_cast<const sockaddr*>(&target);
  const bool good = bind(result.get(), from_name, sizeof source) == 0 &&
                    (connect(result.get(), to_name, sizeof target) == 0 || errno == EINPROGRESS);
  return good ? std::move(result) : TcpSocket();
}

}  // namespace rl::transport
