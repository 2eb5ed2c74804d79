// Any bytes as a message: refused, or read into exactly what writes the same bytes again.
#include <algorithm>

#include "fuzz/wire.h"
#include "src/transport/weight_messages.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::transport;

constexpr Limits kLimits{.max_message_bytes = 8192, .max_control_bytes = 512};

template <class Header>
void check(const ParsedMessage& message, Input bytes) {
  const auto header = decode<Header>(message);
  if (!header) return;
  const SharedBytes again = encode(*header, message.body);
  require(std::ranges::equal(*again, bytes), "a message that was read is written the same");
  if constexpr (std::is_same_v<Header, ExperienceHeader>) {
    const auto blocks = split_experience(*header, message.body);
    if (!blocks) return;
    require(blocks->size() == header->count, "as many blocks as the header says");
    require(std::ranges::equal(encode_experience(*header, *blocks), bytes),
            "blocks that were split are written the same");
  }
}

void read(Input bytes) {
  const ParsedMessage message = parse_message(bytes, kLimits);
  if (message.status != ParseStatus::ok) return;
  require(kEnvelopeBytes + message.header.size() + message.body.size() == bytes.size(),
          "header and body are the rest of the message");
  require(message.header.data() == bytes.data() + kEnvelopeBytes, "the header lies within");
  check<HelloMessage>(message, bytes);
  check<WelcomeMessage>(message, bytes);
  check<RefusalMessage>(message, bytes);
  check<ExperienceHeader>(message, bytes);
  check<AckMessage>(message, bytes);
  check<NoticeMessage>(message, bytes);
  check<WeightRequestMessage>(message, bytes);
  check<ChunkHeader>(message, bytes);
  check<HeartbeatMessage>(message, bytes);
  check<GoodbyeMessage>(message, bytes);
  check<GoodbyeAckMessage>(message, bytes);
  check<StopMessage>(message, bytes);
  check<UnknownSessionMessage>(message, bytes);
}

}  // namespace

RL_FUZZ_TARGET(envelope) {
  read(input);
  read(with_right_envelope(input));
}
