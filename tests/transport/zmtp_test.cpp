#include <doctest/doctest.h>

#include "src/transport/envelope.h"
#include "src/transport/zmtp.h"

using namespace rl;
using namespace rl::transport;
using Stage = ZmtpClientReader::Stage;

namespace {

constexpr std::size_t kMost = 1 << 20;

Bytes bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

void append(Bytes& to, std::span<const std::byte> more) {
  to.insert(to.end(), more.begin(), more.end());
}

Bytes frame(std::uint8_t flags, std::string_view name, std::size_t size) {
  Bytes bytes{std::byte{flags}};
  const int width = (flags & 2) != 0 ? 8 : 1;
  for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<std::byte>(size >> (8 * i)));
  append(bytes, bytes_of(name));
  bytes.resize(1 + width + size);
  return bytes;
}

Bytes hello() {
  return frame(4, "\x05HELLO", 200);
}
Bytes initiate() {
  return frame(6, "\x08INITIATE", 300);
}

// One who has come so far as to be let in.
ZmtpClientReader let_in() {
  ZmtpClientReader reader(kMost);
  REQUIRE_FALSE(reader.read(curve_greeting()));
  REQUIRE_FALSE(reader.read(hello()));
  REQUIRE_FALSE(reader.read(initiate()));
  reader.let_in();
  static_cast<void>(reader.take_traffic());
  return reader;
}

}  // namespace

TEST_SUITE_BEGIN("transport zmtp");

TEST_CASE("a handshake is followed step by step, wherever its pieces are cut") {
  Bytes all;
  append(all, curve_greeting());
  append(all, hello());
  append(all, initiate());
  for (std::size_t piece : {1, 2, 3, 7, 64, 65, 1000}) {
    CAPTURE(piece);
    ZmtpClientReader reader(kMost);
    for (std::size_t at = 0; at < all.size(); at += piece) {
      REQUIRE_FALSE(reader.read(std::span(all).subspan(at, std::min(piece, all.size() - at))));
    }
    CHECK(reader.stage() == Stage::waits);
  }
}

TEST_CASE("another protocol is known by its first wrong byte") {
  const auto first_defect = [](std::string_view said) {
    ZmtpClientReader reader(kMost);
    return reader.read(bytes_of(said));
  };
  using namespace std::string_view_literals;
  CHECK(first_defect("GET / HTTP/1.1\r\n") == Rejection::not_zmtp);
  CHECK(first_defect("\x16\3\1"sv) == Rejection::not_zmtp);
  CHECK(first_defect("\1\0"sv) == Rejection::not_zmtp);                        // ZMTP 1
  CHECK(first_defect("\xFF\0\0\0\0\0\0\0\1\x7F\1"sv) == Rejection::not_zmtp);  // ZMTP 2
  CHECK(first_defect("\xFF\0\0\0\0\0\0\0\1\x7F\3\0NULL"sv) == Rejection::not_curve);
  CHECK(first_defect("\xFF\0\0\0\0\0\0\0\1\x7F\3\1CURVES"sv) == Rejection::not_curve);
  CHECK_FALSE(first_defect("\xFF\0\0\0\0\0\0\0\1\x7F\3\1CURVE\0"sv));
}

TEST_CASE("a handshake out of turn or of another size is refused before its content comes") {
  for (const Bytes& wrong :
       {frame(4, "\x05HELLO", 199), frame(6, "\x05HELLO", 200), frame(0, "\x05HELLO", 200),
        frame(4, "\x05JELLO", 200), frame(2, "", 1000), initiate()}) {
    ZmtpClientReader reader(kMost);
    REQUIRE_FALSE(reader.read(curve_greeting()));
    CHECK(reader.read(wrong) == Rejection::bad_handshake);
  }
  for (const Bytes& wrong : {frame(6, "\x08INITIATE", 1025), hello(), frame(0, "", 65)}) {
    ZmtpClientReader reader(kMost);
    REQUIRE_FALSE(reader.read(curve_greeting()));
    REQUIRE_FALSE(reader.read(hello()));
    CHECK(reader.read(wrong) == Rejection::bad_handshake);
  }
  ZmtpClientReader reader(kMost);
  REQUIRE_FALSE(reader.read(curve_greeting()));
  REQUIRE_FALSE(reader.read(hello()));
  REQUIRE_FALSE(reader.read(initiate()));
  CHECK(reader.read(frame(0, "", 65)) == Rejection::bad_handshake);  // before the answer
}

TEST_CASE("after login a frame may have the longest message, sealed, and not one byte more") {
  const std::size_t longest = kMost + kSealBytes;
  auto reader = let_in();
  CHECK_FALSE(reader.read(frame(2, "\x07MESSAGE", longest)));
  CHECK(reader.read(frame(2, "", longest + 1)) == Rejection::giant_frame);
  auto giant = let_in();
  Bytes head = frame(2, "", 0);
  for (std::size_t i = 1; i < 9; ++i) head[i] = std::byte{0xFF};
  CHECK(giant.read(head) == Rejection::giant_frame);
  auto plain = let_in();
  CHECK(plain.read(frame(1, "", 65)) == Rejection::bad_frame);
}

TEST_CASE("bytes of frames that can hold a message are counted exactly, others by their number") {
  auto reader = let_in();
  const std::size_t least = kEnvelopeBytes + kSealBytes;
  REQUIRE_FALSE(reader.read(frame(0, "", least - 1)));
  REQUIRE_FALSE(reader.read(frame(0, "", 0)));
  auto traffic = reader.take_traffic();
  CHECK(traffic.small_frames == 2);
  CHECK(traffic.message_bytes == 0);
  REQUIRE_FALSE(reader.read(frame(0, "", least)));
  REQUIRE_FALSE(reader.read(frame(2, "", 5000 + kSealBytes)));
  traffic = reader.take_traffic();
  CHECK(traffic.small_frames == 0);
  CHECK(traffic.message_bytes == wire_bytes(kEnvelopeBytes) + wire_bytes(5000));
  Bytes half = frame(2, "", 5000);
  half.resize(1000);
  REQUIRE_FALSE(reader.read(half));
  CHECK(reader.take_traffic().message_bytes == 1000);
}

TEST_CASE("the server's greeting is left out and its verdict is found, however it is cut") {
  using Verdict = ZmtpServerReader::Verdict;
  for (const auto& [last, verdict] :
       {std::pair{frame(4, "\x05READY", 80), Verdict::let_in}, std::pair{frame(4,
                                                                               "\x05"
                                                                               "ERROR",
                                                                               10),
                                                                         Verdict::refused}}) {
    Bytes all;
    append(all, curve_greeting());
    append(all, frame(4, "\x07WELCOME", 168));
    append(all, last);
    for (const std::size_t piece : {1, 5, 64, 70, 1000}) {
      CAPTURE(piece);
      ZmtpServerReader reader;
      std::size_t skipped = 0;
      auto found = Verdict::pending;
      for (std::size_t at = 0; at < all.size(); at += piece) {
        std::size_t skip = 0;
        found = reader.read(std::span(all).subspan(at, std::min(piece, all.size() - at)), skip);
        skipped += skip;
      }
      CHECK(skipped == kGreetingBytes);
      CHECK(found == verdict);
    }
  }
}

TEST_SUITE_END();
