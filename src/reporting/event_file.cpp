#include "src/reporting/event_file.h"

#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "rl/core/bytes.h"
#include "rl/core/checksum.h"

namespace rl::reporting {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kChecksumBytes = 4;

// Field numbers of event.proto and summary.proto.
constexpr int kEventWallTime = 1;
constexpr int kEventStep = 2;
constexpr int kEventFileVersion = 3;
constexpr int kEventSummary = 5;
constexpr int kSummaryValue = 1;
constexpr int kValueTag = 1;
constexpr int kValueSimple = 2;

enum WireType { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

template <class T>
std::string raw(T value) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text;
}

std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}

std::string key(int field, WireType type) {
  return varint(static_cast<std::uint64_t>(field) << 3 | type);
}

std::string message_field(int field, std::string_view bytes) {
  return key(field, kLengthDelimited) + varint(bytes.size()) + std::string(bytes);
}

// TFRecord's masking, so that a checksum of data that holds checksums is no special case.
std::uint32_t masked_crc(std::string_view data) {
  return std::rotr(crc32c(std::as_bytes(std::span(data))), 15) + 0xA282EAD8U;
}

std::string record(std::string_view data) {
  const std::string length = raw(static_cast<std::uint64_t>(data.size()));
  return length + raw(masked_crc(length)) + std::string(data) + raw(masked_crc(data));
}

// Zeros are defaults and not written, as protobuf's own writers do.
std::string event_start(double unix_seconds, std::uint64_t step) {
  std::string event;
  if (unix_seconds != 0.0) event += key(kEventWallTime, kFixed64) + raw(unix_seconds);
  if (step != 0) event += key(kEventStep, kVarint) + varint(step);
  return event;
}

// The data of the record at the start of `file`, when it is whole and its checksums hold.
std::optional<std::string_view> first_record(std::string_view file) {
  constexpr std::size_t kStart = kLengthBytes + kChecksumBytes;
  if (file.size() < kStart + kChecksumBytes) return std::nullopt;
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (raw(masked_crc(file.substr(0, kLengthBytes))) != file.substr(kLengthBytes, kChecksumBytes) ||
      length > file.size() - kStart - kChecksumBytes) {
    return std::nullopt;
  }
  const std::string_view data = file.substr(kStart, length);
  if (raw(masked_crc(data)) != file.substr(kStart + length, kChecksumBytes)) return std::nullopt;
  return data;
}

std::optional<std::uint64_t> take_varint(std::string_view& message) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !message.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(message.front());
    message.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

bool skip(std::string_view& message, std::uint64_t wire_type) {
  std::uint64_t size = 0;
  if (wire_type == kFixed64) {
    size = 8;
  } else if (wire_type == kFixed32) {
    size = 4;
  } else if (wire_type == kLengthDelimited) {
    const auto length = take_varint(message);
    if (!length) return false;
    size = *length;
  } else {
    return false;
  }
  if (size > message.size()) return false;
  message.remove_prefix(size);
  return true;
}

// 0 when the message names no step; nullopt when it is malformed.
std::optional<std::uint64_t> step_of(std::string_view event) {
  std::uint64_t step = 0;
  while (!event.empty()) {
    const auto tag = take_varint(event);
    if (!tag) return std::nullopt;
    if ((*tag & 7) == kVarint) {
      const auto value = take_varint(event);
      if (!value) return std::nullopt;
      if ((*tag >> 3) == kEventStep) step = *value;
    } else if (!skip(event, *tag & 7)) {
      return std::nullopt;
    }
  }
  return step;
}

}  // namespace

std::string event_file_header(double unix_seconds) {
  return record(event_start(unix_seconds, 0) + message_field(kEventFileVersion, "brain.Event:2"));
}

std::string scalar_event(double unix_seconds, std::uint64_t step,
                         const std::map<std::string, double>& scalars) {
  std::string summary;
  for (const auto& [name, value] : scalars) {
    summary +=
        message_field(kSummaryValue, message_field(kValueTag, name) + key(kValueSimple, kFixed32) +
                                         raw(static_cast<float>(value)));
  }
  return record(event_start(unix_seconds, step) + message_field(kEventSummary, summary));
}

std::size_t whole_events(std::span<const std::byte> file, std::uint64_t last) {
  std::string_view rest(reinterpret_cast<const char*>(file.data()), file.size());
  while (const auto data = first_record(rest)) {
    const auto step = step_of(*data);
    if (!step || *step > last) break;
    rest.remove_prefix(kLengthBytes + kChecksumBytes + data->size() + kChecksumBytes);
  }
  return file.size() - rest.size();
}

}  // namespace rl::reporting
