// Little-endian, bounded reading and writing of small binary records.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace rl {

static_assert(std::endian::native == std::endian::little,
              "wire and file formats are little-endian; a big-endian port needs byte swaps here");

using Bytes = std::vector<std::byte>;

template <class T>
concept FixedWidth = std::integral<T> || std::floating_point<T>;

// Appends values to a byte vector. Threads: one at a time.
class ByteWriter {
 public:
  template <FixedWidth T>
  void put(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  void put_raw(std::span<const std::byte> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
  }
  void put_bytes(std::span<const std::byte> data) {  // u64 length, then the bytes
    put(static_cast<std::uint64_t>(data.size()));
    put_raw(data);
  }
  void put_string(std::string_view text) { put_bytes(std::as_bytes(std::span(text))); }

  const Bytes& bytes() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Reads what ByteWriter wrote. Every length is checked against the bytes left before it is
// believed; a short or malformed record throws Error and leaves outputs untouched.
// The reader views `data`, which must outlive it. Threads: one at a time.
class ByteReader {
 public:
  // `where` names the record in errors, e.g. "checkpoint manifest".
  ByteReader(std::span<const std::byte> data, std::string_view where)
      : data_(data), where_(where) {}

  template <FixedWidth T>
  T get() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::span<const std::byte> get_raw(std::size_t size) { return take(size); }
  std::span<const std::byte> get_bytes();  // view into the data
  std::string get_string();
  std::size_t remaining() const { return data_.size() - position_; }
  void expect_end() const;  // throws Error when bytes are left over

 private:
  std::span<const std::byte> take(std::size_t size);

  std::span<const std::byte> data_;
  std::size_t position_ = 0;
  std::string where_;
};

}  // namespace rl
