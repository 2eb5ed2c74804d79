#include "rl/formats/safetensors.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "src/formats/safetensors_header.h"

namespace rl {
namespace {

using formats::show_name;

constexpr std::size_t kLengthBytes = sizeof(std::uint64_t);
constexpr std::size_t kDataAlignment = 64;
constexpr const char* kDamaged = "the file is cut short, damaged or not a safetensors file";

std::string_view header_text(std::span<const std::byte> image, std::string_view where,
                             std::size_t max_header_bytes) {
  if (image.size() < kLengthBytes) {
    throw Error({.where = std::string(where),
                 .what = "file is too short for a header",
                 .expected = "at least 8 bytes",
                 .got = std::to_string(image.size()),
                 .remedy = kDamaged});
  }
  std::uint64_t size = 0;
  std::memcpy(&size, image.data(), kLengthBytes);
  const std::size_t most = std::min(max_header_bytes, image.size() - kLengthBytes);
  if (size > most) {
    throw Error({.where = std::string(where),
                 .what = "header is longer than allowed",
                 .expected = "at most " + std::to_string(most) + " bytes",
                 .got = std::to_string(size),
                 .remedy = kDamaged});
  }
  return {reinterpret_cast<const char*>(image.data()) + kLengthBytes, size};
}

std::string to_text(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? "," : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::string describe_names(std::string_view wanted, const std::vector<TensorView>& tensors) {
  constexpr std::size_t kCompared = 64;  // of each name: a hostile file cannot make this slow
  std::vector<std::string> names;
  for (const TensorView& tensor : tensors) names.push_back(tensor.name.substr(0, kCompared));
  const auto near = nearest_names(wanted, names);
  std::string text = std::to_string(names.size()) + " others";
  for (const std::string& name : near) {
    text += (&name == &near.front() ? ", the nearest " : ", ") + show_name(name);
  }
  return text;
}

template <class T>
std::span<const T> typed(const TensorView& tensor, const std::string& where) {
  const auto* first = tensor.data.data();
  if (reinterpret_cast<std::uintptr_t>(first) % alignof(T) != 0) {
    throw Error(
        {.where = where,
         .what = "data of tensor " + show_name(tensor.name) + " is not aligned",
         .expected = "an address divisible by " + std::to_string(alignof(T)),
         .got = std::to_string(reinterpret_cast<std::uintptr_t>(first) % alignof(T)) + " over",
         .remedy = "copy the image to aligned memory, or save it anew"});
  }
  return {reinterpret_cast<const T*>(first), tensor.data.size() / sizeof(T)};
}

// Wider elements first: without padding between tensors, only this keeps each one aligned.
std::vector<const TensorView*> in_file_order(std::span<const TensorView> tensors) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater(),
                           [](const TensorView* tensor) { return size_bytes(tensor->dtype); });
  return order;
}

void check_writable(const TensorView& tensor) {
  const bool negative = std::ranges::any_of(tensor.shape, [](auto extent) { return extent < 0; });
  const std::size_t bytes = num_elements(tensor.shape) * size_bytes(tensor.dtype);
  if (!negative && bytes == tensor.data.size()) return;
  throw Error({.where = "write_safetensors",
               .what = "data of tensor " + show_name(tensor.name) + " does not fit its shape " +
                       to_text(tensor.shape),
               .expected = std::to_string(bytes) + " bytes",
               .got = std::to_string(tensor.data.size()),
               .remedy = "pass the whole tensor, contiguous"});
}

formats::SafetensorsHeader header_of(std::span<const TensorLayout> tensors,
                                     const std::map<std::string, std::string>& metadata) {
  formats::SafetensorsHeader header{.tensors = {}, .metadata = metadata};
  std::set<std::string_view> names = {"__metadata__"};
  std::uint64_t offset = 0;
  for (const TensorLayout& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw Error({.where = "write_safetensors",
                   .what = "a tensor's name is taken",
                   .expected = "names that differ",
                   .got = show_name(tensor.name),
                   .remedy = "rename one of the tensors"});
    }
    const std::uint64_t end = offset + num_elements(tensor.shape) * size_bytes(tensor.dtype);
    header.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, offset, end});
    offset = end;
  }
  return header;
}

void check_order(std::span<const TensorLayout> tensors) {
  const auto width = [](const TensorLayout& tensor) { return size_bytes(tensor.dtype); };
  if (std::ranges::is_sorted(tensors, std::greater(), width)) return;
  throw Error({.where = "write_safetensors_header",
               .what = "a tensor would not be aligned to its element",
               .expected = "wider elements first",
               .remedy = "reorder the tensors"});
}

}  // namespace

SafetensorsView::SafetensorsView(std::span<const std::byte> image, std::string_view where,
                                 std::size_t max_header_bytes)
    : where_(where) {
  const std::string_view text = header_text(image, where, max_header_bytes);
  formats::SafetensorsHeader header = formats::parse_safetensors_header(text, where);
  const auto data = image.subspan(kLengthBytes + text.size());
  std::uint64_t covered = 0;
  for (formats::TensorEntry& entry : header.tensors) {
    if (entry.begin != covered || entry.end > data.size()) {
      throw Error({.where = where_,
                   .what = "data of tensor " + show_name(entry.name) + " is out of place",
                   .expected = "bytes from " + std::to_string(covered) + " to at most " +
                               std::to_string(data.size()),
                   .got = std::to_string(entry.begin) + " to " + std::to_string(entry.end),
                   .remedy = kDamaged});
    }
    covered = entry.end;
    tensors_.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                        data.subspan(entry.begin, entry.end - entry.begin)});
  }
  if (covered != data.size()) {
    throw Error({.where = where_,
                 .what = "tensors do not cover the data",
                 .expected = std::to_string(covered) + " bytes of data",
                 .got = std::to_string(data.size()),
                 .remedy = kDamaged});
  }
  metadata_ = std::move(header.metadata);
}

const TensorView* SafetensorsView::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

const TensorView& SafetensorsView::require(std::string_view name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  throw Error({.where = where_,
               .what = "tensor " + show_name(name) + " is missing",
               .got = describe_names(name, tensors_),
               .remedy = "the file is of another model or version"});
}

const TensorView& SafetensorsView::require_as(std::string_view name, DType dtype,
                                              const Shape& shape) const {
  const TensorView& tensor = require(name);
  if (tensor.dtype == dtype && tensor.shape == shape) return tensor;
  throw Error({.where = where_,
               .what = "tensor " + show_name(name) + " has another type or shape",
               .expected = std::string(formats::safetensors_name(dtype)) + to_text(shape),
               .got = std::string(formats::safetensors_name(tensor.dtype)) + to_text(tensor.shape),
               .remedy = "the file is of another model or version"});
}

template <>
std::span<const float> SafetensorsView::values<float>(std::string_view name,
                                                      const Shape& shape) const {
  return typed<float>(require_as(name, DType::f32, shape), where_);
}

template <>
std::span<const double> SafetensorsView::values<double>(std::string_view name,
                                                        const Shape& shape) const {
  return typed<double>(require_as(name, DType::f64, shape), where_);
}

template <>
std::span<const std::int64_t> SafetensorsView::values<std::int64_t>(std::string_view name,
                                                                    const Shape& shape) const {
  return typed<std::int64_t>(require_as(name, DType::i64, shape), where_);
}

Bytes write_safetensors_header(std::span<const TensorLayout> tensors,
                               const std::map<std::string, std::string>& metadata) {
  check_order(tensors);
  std::string text = formats::to_json(header_of(tensors, metadata));
  const std::size_t past = (kLengthBytes + text.size()) % kDataAlignment;
  if (past != 0) text.append(kDataAlignment - past, ' ');
  ByteWriter image;
  image.put_string(text);
  return image.take();
}

Bytes write_safetensors(std::span<const TensorView> tensors,
                        const std::map<std::string, std::string>& metadata) {
  const auto order = in_file_order(tensors);
  std::vector<TensorLayout> layouts;
  for (const TensorView* tensor : order) {
    check_writable(*tensor);
    layouts.push_back({tensor->name, tensor->dtype, tensor->shape});
  }
  ByteWriter image;
  image.put_raw(write_safetensors_header(layouts, metadata));
  for (const TensorView* tensor : order) image.put_raw(tensor->data);
  return image.take();
}

}  // namespace rl
