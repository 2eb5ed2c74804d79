// cereal archives for message headers that believe no length. The format is described in
// docs/wire.md.
#pragma once

#include <array>
#include <cereal/cereal.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "rl/core/bytes.h"

namespace rl::transport {

// Only these types exist on the wire: fixed-width integers, byte arrays of fixed length, and
// strings (u32 length, then the bytes). Anything else, such as pointers, maps or bool, has no
// overload below and does not compile.
template <class T>
concept WireInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// Appends to `out`. Threads: one at a time.
class WireWriter : public cereal::OutputArchive<WireWriter, cereal::AllowEmptyClassElision> {
 public:
  explicit WireWriter(Bytes& out) : OutputArchive(this), out_(out) {}

  void write(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), bytes, bytes + size);
  }

 private:
  Bytes& out_;
};

// Reads from `data`. A read past the end sets failed() and leaves zeros: nothing is thrown and
// nothing is allocated for a length that the data does not hold. Threads: one at a time.
class WireReader : public cereal::InputArchive<WireReader, cereal::AllowEmptyClassElision> {
 public:
  explicit WireReader(std::span<const std::byte> data) : InputArchive(this), data_(data) {}

  void read(void* out, std::size_t size) {
    if (size > data_.size()) {
      failed_ = true;
      data_ = {};
      return;
    }
    if (size > 0) std::memcpy(out, data_.data(), size);
    data_ = data_.subspan(size);
  }
  std::size_t remaining() const { return data_.size(); }
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

 private:
  std::span<const std::byte> data_;
  bool failed_ = false;
};

template <WireInteger T>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const T& value) {
  archive.write(&value, sizeof value);
}

template <WireInteger T>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, T& value) {
  value = 0;
  archive.read(&value, sizeof value);
}

inline void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  archive.write(&size, sizeof size);
  archive.write(text.data(), text.size());
}

inline void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, std::string& text) {
  std::uint32_t size = 0;
  archive.read(&size, sizeof size);
  if (size > archive.remaining()) return archive.fail();
  text.resize(size);
  archive.read(text.data(), size);
}

template <std::size_t N>
void CEREAL_SAVE_FUNCTION_NAME(WireWriter& archive, const std::array<std::byte, N>& bytes) {
  archive.write(bytes.data(), N);
}

template <std::size_t N>
void CEREAL_LOAD_FUNCTION_NAME(WireReader& archive, std::array<std::byte, N>& bytes) {
  bytes = {};
  archive.read(bytes.data(), N);
}

}  // namespace rl::transport
