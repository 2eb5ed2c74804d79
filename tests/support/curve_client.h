// A CurveZMQ client (ZeroMQ RFC 26) over a plain socket, for what libzmq's own never does: parts of
// a message that has no end, frames of any size, nothing at all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rl/transport/options.h"
#include "src/transport/tcp_socket.h"

namespace rl::tests {

// Threads: one at a time. Blocks at most half a second in each call.
class CurveClient {
 public:
  // Connects to the port on this host and logs in; see is_in(). Throws std::runtime_error for keys
  // that are none.
  CurveClient(std::uint16_t port, const transport::KeyPair& keys, const std::string& server_key);

  bool is_in() const { return is_in_; }
  // Encrypted, as a part that others follow or as the last. False when the connection is gone.
  bool send_part(std::span<const std::byte> content, bool more);
  bool send_raw(std::span<const std::byte> bytes);
  bool is_closed();  // by the other end

 private:
  using Key = std::array<unsigned char, 32>;

  bool say_hello();
  bool initiate();
  std::vector<std::byte> read_frame();
  std::vector<unsigned char> box(const std::vector<unsigned char>& plain,
                                 const std::string& nonce_start, const Key& to, const Key& from);

  transport::Descriptor socket_;
  bool is_in_ = false;
  Key public_{}, secret_{}, short_public_{}, short_secret_{}, server_{}, server_short_{};
  std::uint64_t nonce_ = 0;
  std::vector<unsigned char> cookie_{};
};

}  // namespace rl::tests
