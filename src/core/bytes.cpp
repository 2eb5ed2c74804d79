#include "rl/core/bytes.h"

#include "rl/core/error.h"

namespace rl {

std::span<const std::byte> ByteReader::take(std::size_t size) {
  if (size > remaining()) {
    throw Error({.where = where_,
                 .what = "record is cut short",
                 .expected = std::to_string(size) + " more bytes",
                 .got = std::to_string(remaining()),
                 .remedy = "the data is damaged or from another version"});
  }
  const auto part = data_.subspan(position_, size);
  position_ += size;
  return part;
}

std::span<const std::byte> ByteReader::get_bytes() {
  const auto size = get<std::uint64_t>();
  return take(size);
}

std::string ByteReader::get_string() {
  const auto bytes = get_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void ByteReader::expect_end() const {
  if (remaining() == 0) return;
  throw Error({.where = where_,
               .what = "record is too long",
               .expected = "end of data",
               .got = std::to_string(remaining()) + " more bytes",
               .remedy = "the data is damaged or from another version"});
}

}  // namespace rl
