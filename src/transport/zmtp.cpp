#include "src/transport/zmtp.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "src/transport/envelope.h"

namespace rl::transport {
namespace {

constexpr auto kLong = std::byte{2};
constexpr auto kCommand = std::byte{4};
constexpr std::size_t kHelloBytes = 200;          // fixed by the RFC
constexpr std::size_t kMostInitiateBytes = 1024;  // 257 and the socket's type and identity
constexpr std::string_view kHello = "\x05HELLO";
constexpr std::string_view kInitiate = "\x08INITIATE";
constexpr std::string_view kReady = "\x05READY";
constexpr std::string_view kError = "\5ERROR";  // E would go on a number that \x begins
constexpr std::string_view kMechanism = "CURVE";
constexpr std::size_t kMechanismAt = 12;
constexpr std::size_t kMechanismEnd = 32;

}  // namespace

Greeting curve_greeting() {
  Greeting greeting{};
  greeting[0] = std::byte{0xFF};
  greeting[9] = std::byte{0x7F};
  greeting[10] = std::byte{3};
  greeting[11] = std::byte{1};
  std::memcpy(&greeting[kMechanismAt], kMechanism.data(), kMechanism.size());
  return greeting;
}

std::optional<Rejection> ZmtpClientReader::read(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (in_content_) {
      const std::size_t taken = std::min<std::size_t>(left_, bytes.size());
      const std::size_t named = std::min(taken, name_.size() - name_bytes_);
      std::memcpy(name_.data() + name_bytes_, bytes.data(), named);
      name_bytes_ += named;
      if (!is_small_) traffic_.message_bytes += taken;
      left_ -= taken;
      bytes = bytes.subspan(taken);
    } else {
      const bool greets = stage_ == Stage::greeting;
      if (auto defect = greets ? read_greeting(bytes[0]) : read_head(bytes[0])) return defect;
      bytes = bytes.subspan(1);
    }
    if (!in_content_ || left_ > 0) continue;
    if (auto defect = end_frame()) return defect;
  }
  return std::nullopt;
}

// Every byte is judged as it comes: who speaks another protocol is not waited for.
std::optional<Rejection> ZmtpClientReader::read_greeting(std::byte next) {
  const std::size_t at = position_++;
  if ((at == 0 && next != std::byte{0xFF}) || (at == 9 && next != std::byte{0x7F}) ||
      (at == 10 && next != std::byte{3})) {
    return Rejection::not_zmtp;
  }
  if (at >= kMechanismAt && at < kMechanismEnd) {
    const std::size_t i = at - kMechanismAt;
    const char expected = i < kMechanism.size() ? kMechanism[i] : '\0';
    if (static_cast<char>(next) != expected) return Rejection::not_curve;
  }
  if (position_ == kGreetingBytes) {
    stage_ = Stage::hello;
    position_ = 0;
  }
  return std::nullopt;
}

std::optional<Rejection> ZmtpClientReader::read_head(std::byte next) {
  head_[position_++] = next;
  const bool is_long = (head_[0] & kLong) != std::byte{0};
  if (position_ < (is_long ? 9U : 2U)) return std::nullopt;
  std::uint64_t size = 0;
  for (std::size_t i = 1; i < position_; ++i) {
    size = size << 8 | std::to_integer<unsigned>(head_[i]);
  }
  if (auto defect = check_head(size)) return defect;
  left_ = size;
  in_content_ = true;
  name_bytes_ = 0;
  is_small_ = stage_ != Stage::let_in || size < kSealBytes + kEnvelopeBytes;
  if (is_small_) {
    ++traffic_.small_frames;
  } else {
    traffic_.message_bytes += position_;
  }
  position_ = 0;
  return std::nullopt;
}

std::optional<Rejection> ZmtpClientReader::check_head(std::uint64_t size) {
  const std::byte flags = head_[0] & ~kLong;
  switch (stage_) {
    case Stage::hello:
      if (head_[0] == kCommand && size == kHelloBytes) return std::nullopt;
      return Rejection::bad_handshake;
    case Stage::initiate:
      if (flags == kCommand && size <= kMostInitiateBytes) return std::nullopt;
      return Rejection::bad_handshake;
    case Stage::let_in:
      // What is encrypted has its flags inside.
      if (flags != std::byte{0}) return Rejection::bad_frame;
      if (size > max_message_bytes_ + kSealBytes) return Rejection::giant_frame;
      return std::nullopt;
    default:  // spoke before it was answered
      return Rejection::bad_handshake;
  }
}

std::optional<Rejection> ZmtpClientReader::end_frame() {
  in_content_ = false;
  const std::string_view name(name_.data(), name_bytes_);
  if (stage_ == Stage::hello) {
    if (!name.starts_with(kHello)) return Rejection::bad_handshake;
    stage_ = Stage::initiate;
  } else if (stage_ == Stage::initiate) {
    if (!name.starts_with(kInitiate)) return Rejection::bad_handshake;
    stage_ = Stage::waits;
  }
  return std::nullopt;
}

ZmtpClientReader::Traffic ZmtpClientReader::take_traffic() {
  return std::exchange(traffic_, {});
}

ZmtpServerReader::Verdict ZmtpServerReader::read(std::span<const std::byte> bytes,
                                                 std::size_t& skip) {
  skip = std::min(greeting_left_, bytes.size());
  greeting_left_ -= skip;
  bytes = bytes.subspan(skip);
  while (verdict_ == Verdict::pending && !bytes.empty()) {
    if (position_ < head_.size()) {  // every answer is longer than this
      head_[position_++] = bytes[0];
      bytes = bytes.subspan(1);
      if (position_ < head_.size()) continue;
      // ERROR has a reason of any length behind its name, none of the others is as short.
      const std::string_view name(reinterpret_cast<const char*>(head_.data()) + 2, 6);
      if (name == kReady) verdict_ = Verdict::let_in;
      if (name == kError) verdict_ = Verdict::refused;
      left_ = std::to_integer<std::uint64_t>(head_[1]) - (head_.size() - 2);
    } else {
      const std::size_t taken = std::min<std::size_t>(left_, bytes.size());
      left_ -= taken;
      bytes = bytes.subspan(taken);
    }
    if (position_ == head_.size() && left_ == 0) position_ = 0;
  }
  return verdict_;
}

}  // namespace rl::transport
