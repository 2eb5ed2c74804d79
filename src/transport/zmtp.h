// ZMTP 3 with CURVE (ZeroMQ RFCs 23 and 26) as one sees it who has no key: where frames begin and
// end, and whose turn it is during the handshake.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rl/transport/learner_endpoint.h"

namespace rl::transport {

inline constexpr std::size_t kGreetingBytes = 64;
using Greeting = std::array<std::byte, kGreetingBytes>;

// What a server that demands CURVE says first.
Greeting curve_greeting();

// Of a frame's content as it travels encrypted, "\x07MESSAGE", nonce, box and flags included.
inline constexpr std::size_t kSealBytes = 33;

// Bytes on the wire of a message of one frame.
constexpr std::size_t wire_bytes(std::size_t message_bytes) {
  const std::size_t sealed = message_bytes + kSealBytes;
  return sealed + (sealed > 255 ? 9 : 2);
}

// What a client sends, read as it comes: greeting, HELLO, INITIATE, then frames of any content.
// Holds no more than a frame's head. Threads: one at a time.
class ZmtpClientReader {
 public:
  enum class Stage : std::uint8_t { greeting, hello, initiate, waits, let_in };

  explicit ZmtpClientReader(std::size_t max_message_bytes)
      : max_message_bytes_(max_message_bytes) {}

  // What is wrong with the next bytes; nothing when they may be handed on. Not called again then.
  std::optional<Rejection> read(std::span<const std::byte> bytes);
  void let_in() { stage_ = Stage::let_in; }  // the server said READY
  Stage stage() const { return stage_; }

  // Since the last call. A frame too small to hold a message of ours (a heartbeat of ZeroMQ's, or
  // a part of something longer) counts among `small_frames`, of any other every byte counts.
  struct Traffic {
    std::size_t message_bytes = 0;
    std::size_t small_frames = 0;
  };
  Traffic take_traffic();

 private:
  std::optional<Rejection> read_greeting(std::byte next);
  std::optional<Rejection> read_head(std::byte next);
  std::optional<Rejection> check_head(std::uint64_t size);
  std::optional<Rejection> end_frame();

  std::size_t max_message_bytes_;
  Stage stage_ = Stage::greeting;
  std::array<std::byte, 9> head_{};  // flags and size
  std::size_t position_ = 0;         // in the greeting, or in head_
  std::uint64_t left_ = 0;           // of the frame's content
  std::array<char, 9> name_{};       // the first bytes of a handshake's command
  std::size_t name_bytes_ = 0;
  bool in_content_ = false;
  bool is_small_ = false;
  Traffic traffic_{};
};

// What the server answers until it lets the client in or not. Threads: one at a time.
class ZmtpServerReader {
 public:
  enum class Verdict : std::uint8_t { pending, let_in, refused };

  // Reads on. `skip` of the bytes are the server's own greeting, which the client has already.
  Verdict read(std::span<const std::byte> bytes, std::size_t& skip);

 private:
  Verdict verdict_ = Verdict::pending;
  std::size_t greeting_left_ = kGreetingBytes;
  std::array<std::byte, 8> head_{};  // flags, size, name
  std::size_t position_ = 0;
  std::uint64_t left_ = 0;
};

}  // namespace rl::transport
