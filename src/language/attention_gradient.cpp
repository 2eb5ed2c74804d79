#include <algorithm>
#include <vector>

#include "src/language/aligned_floats.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

constexpr std::size_t kQueries = 64;  // of a block
constexpr std::size_t kKeys = 128;    // of a block

// The keys and values of one head of one sequence, and the queries that share them. Thread: one.
class HeadGradient {
 public:
  HeadGradient(const AttentionGradient& attention, const KernelTable& kernels)
      : attention_(attention),
        kernels_(kernels),
        dim_(attention.head_dim),
        group_(attention.query_heads / attention.key_value_heads),
        query_stride_(attention.query_heads * dim_),
        key_stride_(attention.key_value_heads * dim_),
        keys_(dim_ * kKeys),
        values_(dim_ * kKeys),
        shares_(kQueries * kKeys),
        gradients_(kQueries * kKeys),
        panels_(packed_floats(dim_, kernels.panel_width)) {}

  void run(std::size_t first_row, std::size_t length, std::size_t key_value_head) {
    first_row_ = first_row;
    const std::size_t key_offset = first_row * key_stride_ + key_value_head * dim_;
    clear(attention_.k_gradient + key_offset, length, key_stride_);
    clear(attention_.v_gradient + key_offset, length, key_stride_);
    for (std::size_t g = 0; g < group_; ++g) {
      const std::size_t head = key_value_head * group_ + g;
      clear(attention_.q_gradient + first_row * query_stride_ + head * dim_, length, query_stride_);
    }
    for (std::size_t key = 0; key < length; key += kKeys) {
      first_key_ = key;
      key_offset_ = key_offset + key * key_stride_;
      block_keys_ = std::min(kKeys, length - key);
      transpose(attention_.k + key_offset_, keys_);
      transpose(attention_.v + key_offset_, values_);
      for (std::size_t query = key; query < length; query += kQueries) {
        for (std::size_t g = 0; g < group_; ++g) {
          block(query, std::min(kQueries, length - query), key_value_head * group_ + g);
        }
      }
    }
  }

 private:
  void clear(float* rows, std::size_t count, std::size_t stride) const {
    for (std::size_t r = 0; r < count; ++r) std::fill_n(rows + r * stride, dim_, 0.0F);
  }

  // [keys, head_dim] of this block as [head_dim, kKeys].
  void transpose(const float* rows, std::vector<float>& columns) const {
    for (std::size_t d = 0; d < dim_; ++d) {
      for (std::size_t j = 0; j < block_keys_; ++j) {
        columns[d * kKeys + j] = rows[j * key_stride_ + d];
      }
    }
  }

  // The largest of block()'s products: steps and columns are keys, queries or a head's elements.
  static std::size_t packed_floats(std::size_t dim, std::size_t panel_width) {
    const std::size_t most = std::max({dim, kQueries, kKeys});
    return most * (most + panel_width);
  }

  void add(const AddedProduct& product) const {
    float* panel = panels_.data();
    for (std::size_t column = 0; column < product.width; column += kernels_.panel_width) {
      kernels_.pack_columns(product, column, 0, product.steps, panel);
      panel += product.steps * kernels_.panel_width;
    }
    kernels_.added_panels(product, {0, product.rows, 0, product.width}, 0, product.steps,
                          panels_.data());
  }

  // result [queries, keys_seen] = rows [queries, head_dim] columns [head_dim, keys_seen]
  void multiply(const float* rows, std::size_t queries, const std::vector<float>& columns,
                std::vector<float>& result) const {
    add({.a = rows, .a_row_stride = query_stride_, .a_step_stride = 1, .rows = queries,
         .steps = dim_, .b = columns.data(), .b_stride = kKeys, .width = keys_seen_,
         .c = result.data(), .c_stride = kKeys, .from_zero = true});
  }

  // gradient of keys or values [keys_seen, head_dim] += weights^T rows
  void add_to_keys(const std::vector<float>& weights, const float* rows, std::size_t queries,
                   float* gradient) const {
    add({.a = weights.data(), .a_row_stride = 1, .a_step_stride = kKeys, .rows = keys_seen_,
         .steps = queries, .b = rows, .b_stride = query_stride_, .width = dim_, .c = gradient,
         .c_stride = key_stride_});
  }

  // Queries first .. first + count - 1 of one head against this block of keys: with p their shares
  // and g the gradient by the output, ds = scale p (g v^T - g . out), dq = ds k, dk = ds^T q and
  // dv = p^T g.
  void block(std::size_t first, std::size_t count, std::size_t head) {
    keys_seen_ = std::min(block_keys_, first + count - first_key_);
    const std::size_t offset = (first_row_ + first) * query_stride_ + head * dim_;
    const float* q = attention_.q + offset;
    const float* g = attention_.out_gradient + offset;
    multiply(q, count, keys_, shares_);
    multiply(g, count, values_, gradients_);
    for (std::size_t i = 0; i < count; ++i) soften(i, first + i, head);
    add_to_keys(shares_, g, count, attention_.v_gradient + key_offset_);
    for (std::size_t i = 0; i < count; ++i) by_scores(i, first + i, head);
    add_to_keys(gradients_, q, count, attention_.k_gradient + key_offset_);
    add({.a = gradients_.data(), .a_row_stride = kKeys, .a_step_stride = 1, .rows = count,
         .steps = keys_seen_, .b = attention_.k + key_offset_, .b_stride = key_stride_,
         .width = dim_, .c = attention_.q_gradient + offset, .c_stride = query_stride_});
  }

  // Scores of query i of the block, at `position` of the sequence, become its shares; it sees no
  // later key.
  void soften(std::size_t i, std::size_t position, std::size_t head) {
    float* shares = shares_.data() + i * kKeys;
    const std::size_t seen = std::min(keys_seen_, position + 1 - first_key_);
    const float log_sum_exp =
        attention_.log_sum_exp[(first_row_ + position) * attention_.query_heads + head];
    kernels_.exponentials(shares, seen, attention_.scale, log_sum_exp, shares);
    std::fill(shares + seen, shares + keys_seen_, 0.0F);
  }

  void by_scores(std::size_t i, std::size_t position, std::size_t head) {
    const std::size_t offset = (first_row_ + position) * query_stride_ + head * dim_;
    float along = 0.0F;
    kernels_.matmul({.x = attention_.out_gradient + offset, .rows = 1, .w = attention_.out + offset,
                     .outputs = 1, .inner = dim_, .y = &along}, 0, 1);
    const float* shares = shares_.data() + i * kKeys;
    float* gradients = gradients_.data() + i * kKeys;
    for (std::size_t j = 0; j < keys_seen_; ++j) {
      gradients[j] = attention_.scale * shares[j] * (gradients[j] - along);
    }
  }

  const AttentionGradient& attention_;
  const KernelTable& kernels_;
  std::size_t dim_;
  std::size_t group_;
  std::size_t query_stride_;
  std::size_t key_stride_;
  std::vector<float> keys_, values_;        // [head_dim, kKeys]
  std::vector<float> shares_, gradients_;   // [kQueries, kKeys]
  AlignedFloats panels_;
  std::size_t first_row_ = 0;               // of the sequence
  std::size_t first_key_ = 0;               // of the block, in the sequence
  std::size_t key_offset_ = 0;              // of the block's first key and value
  std::size_t block_keys_ = 0;              // keys of the block
  std::size_t keys_seen_ = 0;               // those that any query of its block may see
};

}  // namespace

void Ops::attention_gradient(const AttentionGradient& attention) const {
  std::vector<std::size_t> first_rows{0};
  std::size_t work = 0;
  for (const std::int64_t length : attention.lengths) {
    first_rows.push_back(first_rows.back() + static_cast<std::size_t>(length));
    work += static_cast<std::size_t>(length * length) * attention.query_heads * attention.head_dim;
  }
  std::vector<HeadGradient> heads;
  for (std::size_t member = 0; member < members_for(*team_, work); ++member) {
    heads.emplace_back(attention, *kernels_);
  }
  take_turns(*team_, attention.lengths.size() * attention.key_value_heads, work,
             [&](std::size_t member, std::size_t unit) noexcept {
    const std::size_t s = unit / attention.key_value_heads;
    heads[member].run(first_rows[s], first_rows[s + 1] - first_rows[s],
                      unit % attention.key_value_heads);
  });
}

}  // namespace rl::language
