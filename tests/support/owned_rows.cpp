#include "support/owned_rows.h"

#include <algorithm>
#include <cstring>

#include "rl/core/error.h"

namespace rl {

void set_element(const TensorSpec& spec, std::byte* row, std::size_t i, double value) {
  switch (spec.dtype) {
    case DType::i32:
      reinterpret_cast<std::int32_t*>(row)[i] = static_cast<std::int32_t>(value);
      return;
    case DType::i64:
      reinterpret_cast<std::int64_t*>(row)[i] = static_cast<std::int64_t>(value);
      return;
    case DType::f32:
      reinterpret_cast<float*>(row)[i] = static_cast<float>(value);
      return;
    case DType::f64:
      reinterpret_cast<double*>(row)[i] = value;
      return;
    default:
      throw Error({.where = "set_element",
                   .what = "no environment takes actions of this type",
                   .got = std::string(name(spec.dtype))});
  }
}

OwnedRows::OwnedRows(const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    sizes_.push_back(spec.row_bytes());
    lines_.emplace_back((spec.row_bytes() + 63) / 64 + 1);
    rows_.push_back(lines_.back().front().bytes);
    const_rows_.push_back(rows_.back());
  }
}

void OwnedRows::poison(std::byte value) {
  for (auto& lines : lines_) {
    for (Line& line : lines) std::memset(line.bytes, static_cast<int>(value), sizeof line.bytes);
  }
}

bool OwnedRows::guards_are(std::byte value) const {
  for (std::size_t t = 0; t < lines_.size(); ++t) {
    for (std::size_t i = sizes_[t]; i < lines_[t].size() * sizeof(Line); ++i) {
      if (rows_[t][i] != value) return false;
    }
  }
  return true;
}

std::vector<std::byte> OwnedRows::bytes() const {
  std::vector<std::byte> all;
  for (std::size_t t = 0; t < rows_.size(); ++t) {
    all.insert(all.end(), rows_[t], rows_[t] + sizes_[t]);
  }
  return all;
}

void draw_action(const EnvironmentSpec& spec, ConstFields observation, RngStream& stream,
                 Fields action) {
  const int mask_index = find(spec.observations, kActionMaskName);
  const std::uint8_t* mask =
      mask_index < 0 ? nullptr : observation.as<std::uint8_t>(static_cast<std::size_t>(mask_index));
  for (std::size_t t = 0; t < spec.actions.size(); ++t) {
    const TensorSpec& tensor = spec.actions[t];
    for (std::size_t i = 0; i < tensor.num_elements(); ++i) {
      if (!tensor.is_discrete()) {
        const double low = std::max(tensor.low_at(i), -3.0);
        const double high = std::min(tensor.high_at(i), 3.0);
        set_element(tensor, action.bytes(t), i,
                    (low + high) / 2 + 1.2 * (high - low) / 2 * stream.uniform(-1.0, 1.0));
        continue;
      }
      const auto categories = static_cast<std::uint64_t>(tensor.num_categories(i));
      std::uint64_t choice = stream.below(categories);
      while (t == 0 && mask != nullptr && mask[choice] == 0) choice = stream.below(categories);
      set_element(tensor, action.bytes(t), i, static_cast<double>(choice));
      if (t == 0 && mask != nullptr) mask += categories;
    }
  }
}

}  // namespace rl
