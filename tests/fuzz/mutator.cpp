#include "fuzz/mutator.h"

#include <algorithm>
#include <array>

namespace rl::fuzz {
namespace {

std::size_t place(std::size_t size, RngStream& random) {
  return size == 0 ? 0 : random.below(size);
}

auto at(Bytes& bytes, std::size_t place) { return bytes.begin() + static_cast<std::ptrdiff_t>(place); }

void flip_bit(Bytes& bytes, RngStream& random) {
  if (bytes.empty()) return;
  bytes[place(bytes.size(), random)] ^= static_cast<std::byte>(1U << random.below(8));
}

void set_byte(Bytes& bytes, RngStream& random) {
  if (!bytes.empty()) bytes[place(bytes.size(), random)] = static_cast<std::byte>(random.below(256));
}

// Lengths and counts at their borders.
void set_number(Bytes& bytes, RngStream& random) {
  constexpr std::array<std::uint64_t, 8> kNumbers{
      0, 1, 0x7F, 0x80, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
  const std::uint64_t number = kNumbers[random.below(kNumbers.size())] - random.below(2);
  const std::size_t width = std::size_t{1} << random.below(4);
  if (bytes.size() < width) return;
  const std::size_t begin = random.below(bytes.size() - width + 1);
  for (std::size_t i = 0; i < width; ++i) {
    bytes[begin + i] = static_cast<std::byte>(number >> (8 * i));
  }
}

void erase(Bytes& bytes, RngStream& random) {
  const std::size_t begin = place(bytes.size(), random);
  const std::size_t size = std::min<std::size_t>(bytes.size() - begin, 1 + random.below(32));
  bytes.erase(at(bytes, begin), at(bytes, begin + size));
}

void cut(Bytes& bytes, RngStream& random) { bytes.resize(place(bytes.size(), random)); }

void insert_bytes(Bytes& bytes, RngStream& random) {
  const auto value = static_cast<std::byte>(random.below(256));
  bytes.insert(at(bytes, place(bytes.size(), random)), 1 + random.below(16), value);
}

// A stretch of `other` inserted, or written over what is there.
void splice(Bytes& bytes, const Bytes& other, RngStream& random) {
  if (other.empty()) return;
  const std::size_t from = random.below(other.size());
  const std::size_t size = std::min<std::size_t>(other.size() - from, 1 + random.below(128));
  const Bytes part(other.begin() + static_cast<std::ptrdiff_t>(from),
                   other.begin() + static_cast<std::ptrdiff_t>(from + size));
  const std::size_t to = place(bytes.size(), random);
  if (random.below(2) == 0) {
    bytes.insert(at(bytes, to), part.begin(), part.end());
    return;
  }
  std::copy_n(part.begin(), std::min(size, bytes.size() - to), at(bytes, to));
}

}  // namespace

Bytes mutate(const Bytes& input, const std::vector<Bytes>& corpus, std::size_t max_bytes,
             RngStream& random) {
  Bytes bytes = input;
  for (std::size_t changes = 1 + random.below(4); changes > 0; --changes) {
    switch (random.below(8)) {
      case 0: flip_bit(bytes, random); break;
      case 1: set_byte(bytes, random); break;
      case 2: set_number(bytes, random); break;
      case 3: erase(bytes, random); break;
      case 4: insert_bytes(bytes, random); break;
      case 5: splice(bytes, corpus[random.below(corpus.size())], random); break;
      case 6: splice(bytes, Bytes(bytes), random); break;
      default:
        if (random.below(4) == 0) cut(bytes, random);
        break;
    }
  }
  if (bytes.size() > max_bytes) bytes.resize(max_bytes);
  return bytes;
}

}  // namespace rl::fuzz
