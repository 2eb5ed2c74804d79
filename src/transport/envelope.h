// The fixed 32 bytes in front of every message, parsed by hand before anything else is believed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "rl/core/bytes.h"
#include "rl/transport/options.h"

namespace rl::transport {

inline constexpr std::uint32_t kMagic = 0x4C4C5243;  // "CRLL"
inline constexpr std::uint16_t kProtocolVersion = 3;
inline constexpr std::size_t kEnvelopeBytes = 32;

// The numbers are part of the wire format: never reuse one.
enum class MessageType : std::uint8_t {
  hello = 1,
  welcome = 2,
  refusal = 3,
  experience = 4,
  ack = 5,
  notice = 6,
  weight_request = 7,
  weight_chunk = 8,
  heartbeat = 9,
  goodbye = 10,
  goodbye_ack = 11,
  stop = 12,
  unknown_session = 13,
};

// A sealed message: shared, because one is often sent to many peers and freed by another thread.
using SharedBytes = std::shared_ptr<const Bytes>;

enum class ParseStatus : std::uint8_t { ok, malformed, other_version };

// Views into the bytes given to parse_message.
struct ParsedMessage {
  ParseStatus status = ParseStatus::malformed;
  std::string_view defect{};  // why it is malformed
  std::uint16_t version = 0;  // the sender's protocol version, when the magic is right
  MessageType type{};
  std::span<const std::byte> header{};
  std::span<const std::byte> body{};
};

// Threads: a pure function. Never throws and never allocates. A header may have
// limits.max_control_bytes, the whole message limits.max_message_bytes.
ParsedMessage parse_message(std::span<const std::byte> message, const Limits& limits) noexcept;

// Fills in the envelope of `message`, whose first kEnvelopeBytes are free and whose next
// `header_bytes` are the header.
void seal(Bytes& message, MessageType type, std::size_t header_bytes);

}  // namespace rl::transport
