#include <doctest/doctest.h>

#include <cstring>

#include "rl/core/checksum.h"
#include "src/transport/weight_messages.h"

using namespace rl;
using namespace rl::transport;

namespace {

template <class T>
void poke(Bytes& message, std::size_t offset, T value) {
  std::memcpy(message.data() + offset, &value, sizeof value);
}

// Corrects the checksum after the test changed something.
void reseal(Bytes& message) {
  const std::span<const std::byte> all(message);
  poke(message, 28, crc32c(all.subspan(32), crc32c(all.first(28))));
}

HelloMessage hello() {
  HelloMessage message;
  message.session = 42;
  message.run_id = 7;
  message.spec_digest = 9;
  message.wanted_slot = 3;
  message.worker_name = "alice";
  message.spec_text = "CartPole-v1";
  return message;
}

// Every prefix of the header, in a correct envelope, is refused; the whole is understood.
template <class Header>
void check_truncation(const Header& header) {
  const SharedBytes whole = encode(header);
  CAPTURE(static_cast<int>(Header::kType));
  REQUIRE(decode<Header>(parse_message(*whole, Limits{})));
  const std::size_t header_bytes = whole->size() - kEnvelopeBytes;
  for (std::size_t size = 0; size < header_bytes; ++size) {
    Bytes cut(whole->begin(), whole->begin() + static_cast<std::ptrdiff_t>(kEnvelopeBytes + size));
    CHECK(parse_message(cut, Limits{}).status == ParseStatus::malformed);
    seal(cut, Header::kType, size);
    const ParsedMessage parsed = parse_message(cut, Limits{});
    REQUIRE(parsed.status == ParseStatus::ok);
    CHECK_FALSE(decode<Header>(parsed));
  }
  Bytes longer = *whole;
  longer.push_back(std::byte{0});
  seal(longer, Header::kType, header_bytes + 1);
  CHECK_FALSE(decode<Header>(parse_message(longer, Limits{})));
}

}  // namespace

TEST_SUITE_BEGIN("transport wire");

TEST_CASE("a message comes back as it was written") {
  const auto back = decode<HelloMessage>(parse_message(*encode(hello()), Limits{}));
  REQUIRE(back);
  CHECK(back->session == 42);
  CHECK(back->wanted_slot == 3);
  CHECK(back->worker_name == "alice");
  CHECK(back->spec_text == "CartPole-v1");
}

TEST_CASE("every control message cut at any byte, or one byte longer, is refused") {
  check_truncation(hello());
  check_truncation(WelcomeMessage{.run_config = "text"});
  check_truncation(RefusalMessage{.what = "a", .expected = "b", .got = "c", .remedy = "d"});
  check_truncation(ExperienceHeader{});
  check_truncation(AckMessage{});
  check_truncation(NoticeMessage{});
  check_truncation(WeightRequestMessage{});
  check_truncation(ChunkHeader{});
  check_truncation(HeartbeatMessage{});
  check_truncation(GoodbyeMessage{});
  check_truncation(GoodbyeAckMessage{});
  check_truncation(StopMessage{});
  check_truncation(UnknownSessionMessage{});
}

TEST_CASE("a flipped bit anywhere is noticed") {
  const Bytes whole = *encode(hello());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes damaged = whole;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    CHECK(parse_message(damaged, Limits{}).status != ParseStatus::ok);
  }
}

TEST_CASE("limits hold at the limit and not one past it") {
  Limits limits;
  limits.max_control_bytes = 1024;
  limits.max_message_bytes = 4096;
  const auto with = [](std::size_t header_bytes, std::size_t body_bytes) {
    Bytes message(kEnvelopeBytes + header_bytes + body_bytes);
    seal(message, MessageType::experience, header_bytes);
    return message;
  };
  CHECK(parse_message(with(1024, 0), limits).status == ParseStatus::ok);
  CHECK(parse_message(with(1025, 0), limits).defect == "header longer than max_control_bytes");
  CHECK(parse_message(with(64, 4096 - 96), limits).status == ParseStatus::ok);
  CHECK(parse_message(with(64, 4096 - 95), limits).defect == "longer than max_message_bytes");
}

TEST_CASE("hostile envelopes are refused with the reason, whatever their lengths claim") {
  const Bytes whole = *encode(hello());
  CHECK(parse_message({}, Limits{}).status == ParseStatus::malformed);
  CHECK(parse_message(std::span(whole).first(31), Limits{}).defect == "shorter than an envelope");

  Bytes changed = whole;
  poke(changed, 0, std::uint32_t{0x12345678});
  CHECK(parse_message(changed, Limits{}).defect == "wrong magic number");

  changed = whole;
  poke(changed, 8, std::uint32_t{0xFFFFFFFF});
  reseal(changed);
  CHECK(parse_message(changed, Limits{}).status == ParseStatus::malformed);

  changed = whole;
  poke(changed, 16, std::uint64_t{0xFFFFFFFFFFFFFFFF});
  reseal(changed);
  CHECK(parse_message(changed, Limits{}).defect == "lengths do not add up");

  for (const std::size_t reserved : {7, 12, 24}) {
    changed = whole;
    poke(changed, reserved, std::uint8_t{1});
    reseal(changed);
    CHECK(parse_message(changed, Limits{}).defect == "reserved bits are set");
  }
  for (const std::uint8_t type : {std::uint8_t{0}, std::uint8_t{14}, std::uint8_t{255}}) {
    changed = whole;
    poke(changed, 6, type);
    reseal(changed);
    CHECK(parse_message(changed, Limits{}).defect == "unknown message type");
  }
}

TEST_CASE("another protocol version is told apart from garbage") {
  Bytes message = *encode(hello());
  poke(message, 4, std::uint16_t{9});
  const ParsedMessage parsed = parse_message(message, Limits{});
  CHECK(parsed.status == ParseStatus::other_version);
  CHECK(parsed.version == 9);
}

TEST_CASE("a string that claims more than the message holds is refused without being believed") {
  Bytes message = *encode(hello());
  const std::size_t name_length = kEnvelopeBytes + 8 + 1 + 8 + 8 + 4;
  poke(message, name_length, std::uint32_t{0xFFFFFFF0});
  reseal(message);
  const ParsedMessage parsed = parse_message(message, Limits{});
  REQUIRE(parsed.status == ParseStatus::ok);
  CHECK_FALSE(decode<HelloMessage>(parsed));
}

TEST_CASE("fragment blocks must fill an experience message exactly") {
  const Bytes first(100, std::byte{1});
  const Bytes second(200, std::byte{2});
  const std::vector<Block> blocks{first, second};
  const Bytes whole = encode_experience({.session = 1}, blocks);
  const ParsedMessage parsed = parse_message(whole, Limits{});
  const auto header = decode<ExperienceHeader>(parsed);
  REQUIRE(header);
  CHECK(header->count == 2);
  const auto back = split_experience(*header, parsed.body);
  REQUIRE(back);
  CHECK(back->at(1).size() == 200);
  for (std::size_t size = 0; size < parsed.body.size(); ++size) {
    CHECK_FALSE(split_experience(*header, parsed.body.first(size)));
  }
  for (const std::uint32_t count : {0U, 1U, 3U, 0xFFFFFFFFU}) {
    ExperienceHeader lie = *header;
    lie.count = count;
    CHECK_FALSE(split_experience(lie, parsed.body));
  }
}

TEST_CASE("a body where none belongs is refused") {
  const Bytes body(4);
  CHECK_FALSE(decode<AckMessage>(parse_message(*encode(AckMessage{}, body), Limits{})));
}

TEST_SUITE_END();
