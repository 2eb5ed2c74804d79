#include "src/transport/messages.h"

#include <cstring>

#include "src/transport/weight_messages.h"
#include "src/transport/wire_archive.h"

namespace rl::transport {
namespace {

constexpr bool has_body(MessageType type) {
  return type == MessageType::welcome || type == MessageType::experience ||
         type == MessageType::weight_chunk;
}

template <class Header>
Bytes begin_message(const Header& header, std::size_t body_bytes, Bytes message = {}) {
  message.clear();
  message.reserve(kEnvelopeBytes + 256 + body_bytes);
  message.resize(kEnvelopeBytes);
  WireWriter{message}(header);
  return message;
}

}  // namespace

template <class Header>
SharedBytes encode(const Header& header, std::span<const std::byte> body) {
  Bytes message = begin_message(header, body.size());
  const std::size_t header_bytes = message.size() - kEnvelopeBytes;
  message.insert(message.end(), body.begin(), body.end());
  seal(message, Header::kType, header_bytes);
  return std::make_shared<const Bytes>(std::move(message));
}

template <class Header>
std::optional<Header> decode(const ParsedMessage& message) {
  if (message.status != ParseStatus::ok || message.type != Header::kType) return std::nullopt;
  if (!has_body(Header::kType) && !message.body.empty()) return std::nullopt;
  Header header;
  WireReader reader(message.header);
  reader(header);
  if (reader.failed() || reader.remaining() != 0) return std::nullopt;
  return header;
}

Bytes encode_experience(ExperienceHeader header, std::span<const Block> blocks, Bytes buffer) {
  header.count = static_cast<std::uint32_t>(blocks.size());
  std::size_t body_bytes = 0;
  for (const Block block : blocks) body_bytes += sizeof(std::uint32_t) + block.size();
  Bytes message = begin_message(header, body_bytes, std::move(buffer));
  const std::size_t header_bytes = message.size() - kEnvelopeBytes;
  for (const Block block : blocks) {
    const auto size = static_cast<std::uint32_t>(block.size());
    const auto length = std::as_bytes(std::span(&size, 1));
    message.insert(message.end(), length.begin(), length.end());
    message.insert(message.end(), block.begin(), block.end());
  }
  seal(message, MessageType::experience, header_bytes);
  return message;
}

std::optional<std::vector<Block>> split_experience(const ExperienceHeader& header,
                                                   std::span<const std::byte> body) {
  std::uint32_t size = 0;
  if (header.count == 0 || header.count > body.size() / sizeof size) return std::nullopt;
  std::vector<Block> blocks;
  blocks.reserve(header.count);
  for (std::uint32_t i = 0; i < header.count; ++i) {
    if (body.size() < sizeof size) return std::nullopt;
    std::memcpy(&size, body.data(), sizeof size);
    body = body.subspan(sizeof size);
    if (size > body.size()) return std::nullopt;
    blocks.push_back(body.first(size));
    body = body.subspan(size);
  }
  if (!body.empty()) return std::nullopt;
  return blocks;
}

#define RL_WIRE_MESSAGE(Header)                                                   \
  template SharedBytes encode<Header>(const Header&, std::span<const std::byte>); \
  template std::optional<Header> decode<Header>(const ParsedMessage&);
RL_WIRE_MESSAGE(HelloMessage)
RL_WIRE_MESSAGE(WelcomeMessage)
RL_WIRE_MESSAGE(RefusalMessage)
RL_WIRE_MESSAGE(ExperienceHeader)
RL_WIRE_MESSAGE(AckMessage)
RL_WIRE_MESSAGE(NoticeMessage)
RL_WIRE_MESSAGE(WeightRequestMessage)
RL_WIRE_MESSAGE(ChunkHeader)
RL_WIRE_MESSAGE(HeartbeatMessage)
RL_WIRE_MESSAGE(GoodbyeMessage)
RL_WIRE_MESSAGE(GoodbyeAckMessage)
RL_WIRE_MESSAGE(StopMessage)
RL_WIRE_MESSAGE(UnknownSessionMessage)
#undef RL_WIRE_MESSAGE

}  // namespace rl::transport
