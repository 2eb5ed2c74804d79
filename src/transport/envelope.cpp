#include "src/transport/envelope.h"

#include <cstring>

#include "rl/core/checksum.h"

namespace rl::transport {
namespace {

struct Envelope {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint8_t type;
  std::uint8_t flags;  // zero in this version
  std::uint32_t header_bytes;
  std::uint32_t reserved;  // zero
  std::uint64_t body_bytes;
  std::uint32_t reserved2;  // zero
  std::uint32_t crc;        // CRC-32C of every other byte of the message, in order
};
static_assert(sizeof(Envelope) == kEnvelopeBytes && offsetof(Envelope, crc) == 28);

std::uint32_t checksum(std::span<const std::byte> message) {
  return crc32c(message.subspan(kEnvelopeBytes), crc32c(message.first(offsetof(Envelope, crc))));
}

ParsedMessage malformed(std::string_view defect) {
  return {.defect = defect};
}

}  // namespace

ParsedMessage parse_message(std::span<const std::byte> message, const Limits& limits) noexcept {
  if (message.size() < kEnvelopeBytes) return malformed("shorter than an envelope");
  if (message.size() > limits.max_message_bytes) return malformed("longer than max_message_bytes");
  Envelope envelope;
  std::memcpy(&envelope, message.data(), sizeof envelope);
  if (envelope.magic != kMagic) return malformed("wrong magic number");
  if (envelope.version != kProtocolVersion) {
    return {.status = ParseStatus::other_version, .version = envelope.version};
  }
  if (envelope.flags != 0 || envelope.reserved != 0 || envelope.reserved2 != 0) {
    return malformed("reserved bits are set");
  }
  if (envelope.header_bytes > limits.max_control_bytes) {
    return malformed("header longer than max_control_bytes");
  }
  const std::size_t rest = message.size() - kEnvelopeBytes;
  if (envelope.header_bytes > rest || envelope.body_bytes != rest - envelope.header_bytes) {
    return malformed("lengths do not add up");
  }
  if (envelope.crc != checksum(message)) return malformed("wrong checksum");
  if (envelope.type < static_cast<std::uint8_t>(MessageType::hello) ||
      envelope.type > static_cast<std::uint8_t>(MessageType::unknown_session)) {
    return malformed("unknown message type");
  }
  return {.status = ParseStatus::ok,
          .version = envelope.version,
          .type = static_cast<MessageType>(envelope.type),
          .header = message.subspan(kEnvelopeBytes, envelope.header_bytes),
          .body = message.subspan(kEnvelopeBytes + envelope.header_bytes)};
}

void seal(Bytes& message, MessageType type, std::size_t header_bytes) {
  Envelope envelope{};
  envelope.magic = kMagic;
  envelope.version = kProtocolVersion;
  envelope.type = static_cast<std::uint8_t>(type);
  envelope.header_bytes = static_cast<std::uint32_t>(header_bytes);
  envelope.body_bytes = message.size() - kEnvelopeBytes - header_bytes;
  std::memcpy(message.data(), &envelope, sizeof envelope);
  envelope.crc = checksum(message);
  std::memcpy(message.data(), &envelope, sizeof envelope);
}

}  // namespace rl::transport
