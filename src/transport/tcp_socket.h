// Descriptors that close themselves, and non-blocking TCP sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace rl::transport {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close();

 private:
  int number_;
};

class TcpSocket : public Descriptor {
 public:
  using Descriptor::Descriptor;
  // Bytes taken, 0 when none can be now, or -1 when the connection is gone. read() says -1 at the
  // other end's close too.
  std::ptrdiff_t read(std::span<std::byte> into) const;
  std::ptrdiff_t write(std::span<const std::byte> bytes) const;
  void finish_writing() const;  // the other end sees a close once it has read all
};

// Of a peer that says nothing, how often the system asks whether it is there; of one that does not
// acknowledge what was sent or does not read it, how long until its connection is broken off. A
// worker may read slowly, its learner never does.
inline constexpr int kProbeSeconds = 2;
inline constexpr std::chrono::seconds kPatienceWithWorkers{30};

// Listens at "HOST:PORT" (a number, a name, an interface, or * for all; the port may be *). Throws
// std::system_error.
TcpSocket listen_tcp(const std::string& host_and_port, int backlog);
// "HOST:PORT" in numbers.
std::string local_name(const TcpSocket& socket);

struct Accepted {
  TcpSocket socket{};
  std::string source{};  // the address it comes from, without its port
  int error = 0;         // of the last call, when there is no socket
};
Accepted accept_tcp(const TcpSocket& listener);  // of a worker: with the patience above

// Connects to the port on this host, from 127.x.y.z with these last 24 bits.
TcpSocket connect_loopback(std::uint32_t from, std::uint16_t port);

}  // namespace rl::transport
