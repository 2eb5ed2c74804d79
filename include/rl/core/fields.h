// Non-owning views of one step's row of every tensor in a spec list.
#pragma once

#include <cstddef>
#include <span>

namespace rl {

// Pointers to rows that the holder may write, one per tensor of a spec list, in its order.
// Threads: a plain view; whoever owns the rows says who may touch them.
class Fields {
 public:
  Fields() = default;
  explicit Fields(std::span<std::byte* const> rows) : rows_(rows) {}

  std::size_t size() const { return rows_.size(); }
  std::byte* bytes(std::size_t field) const { return rows_[field]; }
  template <class T>
  T* as(std::size_t field) const {
    return reinterpret_cast<T*>(rows_[field]);
  }

 private:
  std::span<std::byte* const> rows_;
};

// The same, read-only.
class ConstFields {
 public:
  ConstFields() = default;
  explicit ConstFields(std::span<const std::byte* const> rows) : rows_(rows) {}

  std::size_t size() const { return rows_.size(); }
  const std::byte* bytes(std::size_t field) const { return rows_[field]; }
  template <class T>
  const T* as(std::size_t field) const {
    return reinterpret_cast<const T*>(rows_[field]);
  }

 private:
  std::span<const std::byte* const> rows_;
};

}  // namespace rl
