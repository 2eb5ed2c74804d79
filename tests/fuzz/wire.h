// Messages made of fuzz bytes, with the envelope that lets them past the first door.
#pragma once

#include <cstring>

#include "fuzz/choices.h"
#include "src/transport/envelope.h"

namespace rl::fuzz {

// The bytes with envelope fields and checksum put right; type and header length are kept when they
// are possible.
inline Bytes with_right_envelope(Input input) {
  Bytes message(input.begin(), input.end());
  message.resize(std::max(message.size(), transport::kEnvelopeBytes));
  std::uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, message.data() + 8, sizeof header_bytes);
  const std::size_t rest = message.size() - transport::kEnvelopeBytes;
  const auto type = static_cast<transport::MessageType>(message[6]);
  transport::seal(message, type, header_bytes > rest ? rest : header_bytes);
  return message;
}

// | type | header length u8 | body length u16 | header | body |, sealed.
inline Bytes chosen_message(Choices& choices) {
  const auto type = static_cast<transport::MessageType>(choices.below(16));
  const std::size_t header_bytes = choices.byte();
  const std::size_t body_bytes = choices.get<std::uint16_t>() % 4096;
  Bytes message(transport::kEnvelopeBytes);
  const Input header = choices.take(header_bytes);
  const Input body = choices.take(body_bytes);
  message.insert(message.end(), header.begin(), header.end());
  message.insert(message.end(), body.begin(), body.end());
  transport::seal(message, type, header.size());
  return message;
}

}  // namespace rl::fuzz
