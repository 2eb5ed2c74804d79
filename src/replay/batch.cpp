#include "rl/replay/batch.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "rl/core/error.h"

namespace rl::replay {
namespace {

constexpr const char* kWhere = "replay::gather_transitions";
constexpr std::size_t kAlignment = 64;  // of a fragment's columns

// Where the columns of a fragment lie, without walking the schema's shapes for every item.
class Layout {
 public:
  explicit Layout(const FragmentSchema& schema) {
    for (const ColumnSpec& column : schema.columns()) {
      columns_.push_back({column.tensor.row_bytes(), column.has_final_row ? 1U : 0U});
    }
  }
  std::size_t num_columns() const { return columns_.size(); }
  std::size_t row_bytes(std::size_t column) const { return columns_[column].row_bytes; }
  void find(const Fragment& fragment, std::span<const std::byte*> first_rows) const {
    const std::byte* position = fragment.block().data() + sizeof(FragmentHeader);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      first_rows[c] = position;
      const std::size_t bytes =
          (fragment.num_steps() + columns_[c].extra_rows) * columns_[c].row_bytes;
      position += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
  }

 private:
  struct Column {
    std::size_t row_bytes;
    std::size_t extra_rows;
  };
  std::vector<Column> columns_;
};

// One column's way into a batch.
struct Part {
  std::size_t column;
  std::size_t row_bytes;
  bool is_next;      // from row t + k instead of t
  std::byte* place;  // row b goes to place + b * row_bytes
};

void add_parts(std::string_view prefix, bool is_next, const TransitionBatch& batch,
               const Layout& layout, std::vector<BatchColumn>& columns, std::vector<Part>& parts) {
  for (std::size_t c = 0; c < layout.num_columns(); ++c) {
    const ColumnSpec& column = batch.schema->columns()[c];
    if (!column.tensor.name.starts_with(prefix)) continue;
    columns.push_back({&column, Bytes(batch.size * layout.row_bytes(c))});
    parts.push_back({c, layout.row_bytes(c), is_next, columns.back().data.data()});
  }
}

void check(std::span<const Item> items, std::size_t n_step, double discount) {
  if (items.empty()) throw Error({.where = kWhere, .what = "there are no items"});
  if (n_step == 0) throw Error({.where = kWhere, .what = "n_step is 0", .expected = "at least 1"});
  if (!(discount >= 0.0 && discount <= 1.0)) {
    throw Error({.where = kWhere,
                 .what = "discount is out of range",
                 .expected = "0 to 1",
                 .got = std::to_string(discount)});
  }
  const FragmentSchema& schema = items[0].fragment->schema();
  const std::size_t reward = schema.require(kRewardColumn);
  const TensorSpec& tensor = schema.columns()[reward].tensor;
  if (tensor.dtype != DType::f32 || tensor.num_elements() != 1) {
    throw Error({.where = kWhere,
                 .what = "the reward column has another type",
                 .expected = "one f32",
                 .got = describe(tensor)});
  }
}

void check(const Item& item, const FragmentSchema& schema) {
  if (&item.fragment->schema() != &schema && item.fragment->schema().digest() != schema.digest()) {
    throw Error({.where = kWhere, .what = "the items have different schemas"});
  }
  if (item.step >= item.fragment->num_steps()) {
    throw Error({.where = kWhere,
                 .what = "an item lies behind its fragment's end",
                 .expected = "a step below " + std::to_string(item.fragment->num_steps()),
                 .got = std::to_string(item.step)});
  }
}

// The source rows of every part of one item, asked for ahead of the copy.
class Sources {
 public:
  Sources(const Layout& layout, std::span<const Part> parts, std::size_t reward_column,
          std::size_t batch_size)
      : layout_(layout),
        parts_(parts),
        reward_column_(reward_column),
        first_rows_(layout.num_columns()),
        rows_(batch_size * parts.size()),
        rewards_(batch_size) {}

  void find(std::size_t b, const Item& item, std::size_t num_summed) {
    layout_.find(*item.fragment, first_rows_);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const Part& part = parts_[p];
      const std::size_t step = item.step + (part.is_next ? num_summed : 0);
      const std::byte* row = first_rows_[part.column] + step * part.row_bytes;
      for (std::size_t byte = 0; byte < part.row_bytes; byte += kAlignment) {
        __builtin_prefetch(row + byte);
      }
      rows_[b * parts_.size() + p] = row;
    }
    rewards_[b] = reinterpret_cast<const float*>(first_rows_[reward_column_]) + item.step;
    __builtin_prefetch(rewards_[b]);
  }
  void copy(std::size_t b) const {
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const std::size_t bytes = parts_[p].row_bytes;
      std::memcpy(parts_[p].place + b * bytes, rows_[b * parts_.size() + p], bytes);
    }
  }
  const float* rewards(std::size_t b) const { return rewards_[b]; }

 private:
  const Layout& layout_;
  std::span<const Part> parts_;
  std::size_t reward_column_;
  std::vector<const std::byte*> first_rows_;  // [columns], of one item
  std::vector<const std::byte*> rows_;        // [B, parts]
  std::vector<const float*> rewards_;         // [B], from step t on
};

std::size_t num_summed(const Item& item, std::size_t n_step) {
  return std::min(n_step, item.fragment->num_steps() - item.step);
}

// rewards and discounts of one item.
void sum_rewards(const Item& item, const float* reward, std::size_t count, double discount,
                 std::size_t b, TransitionBatch& batch) {
  double sum = 0.0;
  double factor = 1.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += factor * static_cast<double>(reward[i]);
    factor *= discount;
  }
  const FragmentHeader& header = item.fragment->header();
  const bool terminated =
      item.step + count == header.num_steps && header.end == FragmentEnd::terminated;
  batch.rewards[b] = static_cast<float>(sum);
  batch.discounts[b] = terminated ? 0.0F : static_cast<float>(factor);
}

}  // namespace

TransitionBatch gather_transitions(std::span<const Item> items, std::size_t n_step,
                                   double discount) {
  check(items, n_step, discount);
  TransitionBatch batch{.size = items.size(), .schema = items[0].fragment->schema_ptr()};
  batch.rewards.resize(batch.size);
  batch.discounts.resize(batch.size);
  const Layout layout(*batch.schema);
  std::vector<Part> parts;
  add_parts(kObservationPrefix, false, batch, layout, batch.observations, parts);
  add_parts(kActionPrefix, false, batch, layout, batch.actions, parts);
  add_parts(kObservationPrefix, true, batch, layout, batch.next_observations, parts);
  Sources sources(layout, parts, batch.schema->require(kRewardColumn), batch.size);

  // Each pass touches memory that the pass before asked for, so the misses of a batch overlap.
  for (const Item& item : items) __builtin_prefetch(item.fragment->block().data());
  for (std::size_t b = 0; b < batch.size; ++b) {
    check(items[b], *batch.schema);
    sources.find(b, items[b], num_summed(items[b], n_step));
  }
  for (std::size_t b = 0; b < batch.size; ++b) {
    sources.copy(b);
    sum_rewards(items[b], sources.rewards(b), num_summed(items[b], n_step), discount, b, batch);
  }
  return batch;
}

}  // namespace rl::replay
