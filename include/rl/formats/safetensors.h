// The safetensors format: the one container for weights, optimizer states and checkpoints.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/spec.h"

namespace rl {

// A named tensor whose bytes belong to somebody else (the image it was read from).
struct TensorView {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> data;  // row-major, little-endian
};

// An image (whole file), checked and indexed. Views point into the image, which must outlive them.
// Threads: immutable after construction.
class SafetensorsView {
 public:
  // Throws Error, prefixed with `where`, unless the header (at most max_header_bytes) is strict
  // JSON without duplicate keys, every dtype is known, every shape's bytes equal its offsets, and
  // the offsets cover the data exactly, without holes or overlaps. Nothing is allocated by a length
  // that was not checked first.
  SafetensorsView(std::span<const std::byte> image, std::string_view where,
                  std::size_t max_header_bytes = std::size_t{8} << 20);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // in data order
  const TensorView* find(std::string_view name) const;                 // nullptr when absent
  const TensorView& require(std::string_view name) const;              // Error naming near ones
  // `require` plus dtype and shape checks; data typed by T (float, double, std::int64_t, ...).
  template <class T>
  std::span<const T> values(std::string_view name, const Shape& shape) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  const TensorView& require_as(std::string_view name, DType dtype, const Shape& shape) const;

  std::string where_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// The image of these tensors: data from a multiple of 64 bytes on, wider elements first (so that
// every tensor is aligned to its element), otherwise in the order given. Same input, same bytes.
// Throws Error on duplicate names, names or metadata that are not UTF-8, or data of the wrong
// length.
Bytes write_safetensors(std::span<const TensorView> tensors,
                        const std::map<std::string, std::string>& metadata);

// What a tensor is without its data.
struct TensorLayout {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

// How the image of tensors begins whose data is not in memory at once: the data of all of them
// follows, in this order. Throws Error also when a wider element comes after a narrower one.
Bytes write_safetensors_header(std::span<const TensorLayout> tensors,
                               const std::map<std::string, std::string>& metadata);

template <>
std::span<const float> SafetensorsView::values<float>(std::string_view, const Shape&) const;
template <>
std::span<const double> SafetensorsView::values<double>(std::string_view, const Shape&) const;
template <>
std::span<const std::int64_t> SafetensorsView::values<std::int64_t>(std::string_view,
                                                                    const Shape&) const;

}  // namespace rl
