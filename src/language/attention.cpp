#include <algorithm>
#include <array>

#include "rl/core/portable_math.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

constexpr std::size_t kTile = kMaxWeightedRows;  // queries that read the keys together

// Up to kTile queries of one sequence that share a key and value head, and their intermediate
// results. Query v of the head is row v / group, head v % group of the group.
class QueryTile {
 public:
  QueryTile(const Attention& attention, const KernelTable& kernels, std::size_t longest)
      : attention_(attention),
        kernels_(kernels),
        longest_(longest),
        group_(attention.query_heads / attention.key_value_heads),
        queries_(kTile * attention.head_dim),
        sums_(kTile * attention.head_dim),
        scores_(kTile * longest) {}

  void run(const AttentionSpan& span, std::size_t key_value_head, std::size_t first) {
    span_ = &span;
    head_offset_ = key_value_head * attention_.head_dim;
    count_ = std::min(kTile, span.rows * group_ - first);
    for (std::size_t v = 0; v < count_; ++v) {
      const std::size_t row = (first + v) / group_;
      const std::size_t head = key_value_head * group_ + (first + v) % group_;
      element_[v] = (span.first_row + row) * attention_.query_heads + head;
      length_[v] = span.first_position + row + 1;
      const float* query = attention_.q + element_[v] * attention_.head_dim;
      std::copy_n(query, attention_.head_dim, queries_.data() + v * attention_.head_dim);
    }
    score();
    std::fill(sums_.begin(), sums_.end(), 0.0F);
    for (std::size_t v = 0; v < count_; ++v) soften(v);
    gather(0, count_, 0, length_[0]);  // lengths rise from query to query
    for (std::size_t v = 1; v < count_; ++v) gather(v, 1, length_[0], length_[v]);
    for (std::size_t v = 0; v < count_; ++v) write(v);
  }

 private:
  std::size_t row_stride() const { return attention_.key_value_heads * attention_.head_dim; }

  void score() {
    const std::size_t end = length_[count_ - 1];
    Matmul product{.x = queries_.data(), .x_stride = attention_.head_dim, .rows = count_,
                   .w_stride = row_stride(), .inner = attention_.head_dim, .y_stride = longest_};
    for (std::size_t j = 0; j < end; j += attention_.page_size) {
      product.w = span_->key_pages[j / attention_.page_size] + head_offset_;
      product.outputs = std::min(attention_.page_size, end - j);
      product.y = scores_.data() + j;
      kernels_.matmul(product, 0, product.outputs);
    }
  }

  void soften(std::size_t v) {
    float* scores = scores_.data() + v * longest_;
    max_[v] = kernels_.maximum(scores, length_[v]) * attention_.scale;
    sum_[v] =
        kernels_.exponentials(scores, length_[v], attention_.scale, max_[v], scores).sum;
  }

  // Adds the values of positions begin .. end - 1 to the sums of `rows` queries from `first` on.
  void gather(std::size_t first, std::size_t rows, std::size_t begin, std::size_t end) {
    const std::size_t size = attention_.page_size;
    for (std::size_t j = begin; j < end;) {
      const std::size_t in_page = j % size;
      const std::size_t count = std::min(size - in_page, end - j);
      kernels_.weighted_rows(
          {.p = scores_.data() + first * longest_ + j, .p_stride = longest_, .rows = rows,
           .v = span_->value_pages[j / size] + in_page * row_stride() + head_offset_,
           .v_stride = row_stride(), .count = count, .width = attention_.head_dim,
           .sums = sums_.data() + first * attention_.head_dim});
      j += count;
    }
  }

  void write(std::size_t v) {
    float* sums = sums_.data() + v * attention_.head_dim;
    kernels_.scale(sums, attention_.head_dim, 1.0F / sum_[v]);
    std::copy_n(sums, attention_.head_dim, attention_.out + element_[v] * attention_.head_dim);
    if (attention_.log_sum_exp != nullptr) {
      attention_.log_sum_exp[element_[v]] =
          max_[v] + static_cast<float>(portable::log(static_cast<double>(sum_[v])));
    }
  }

  const Attention& attention_;
  const KernelTable& kernels_;
  std::size_t longest_;
  std::size_t group_;
  std::vector<float> queries_, sums_;  // [kTile, head_dim]
  std::vector<float> scores_;          // [kTile, longest]
  const AttentionSpan* span_ = nullptr;
  std::size_t head_offset_ = 0;
  std::size_t count_ = 0;
  std::array<std::size_t, kTile> element_{};  // of q and out: row * query_heads + head
  std::array<std::size_t, kTile> length_{};   // positions it attends to
  std::array<float, kTile> max_{}, sum_{};
};

std::size_t tiles_of(const Attention& attention, const AttentionSpan& span) {
  const std::size_t group = attention.query_heads / attention.key_value_heads;
  return (span.rows * group + kTile - 1) / kTile;
}

}  // namespace

void Ops::attention(const Attention& attention) const {
  std::size_t longest = 0;
  std::size_t work = 0;
  std::vector<std::size_t> first_unit{0};  // units of work: spans x key and value heads x tiles
  for (const AttentionSpan& span : attention.spans) {
    const std::size_t length = span.first_position + span.rows;
    longest = std::max(longest, length);
    work += span.rows * length;
    first_unit.push_back(first_unit.back() +
                         attention.key_value_heads * tiles_of(attention, span));
  }
  work *= attention.query_heads * attention.head_dim;
  std::vector<QueryTile> tiles(members_for(*team_, work),
                               QueryTile(attention, *kernels_, longest));
  take_turns(*team_, first_unit.back(), work,
             [&](std::size_t member, std::size_t unit) noexcept {
    const auto next_span = std::ranges::upper_bound(first_unit, unit);
    const auto s = static_cast<std::size_t>(next_span - first_unit.begin()) - 1;
    const AttentionSpan& span = attention.spans[s];
    const std::size_t in_span = unit - first_unit[s];
    const std::size_t num_tiles = tiles_of(attention, span);
    tiles[member].run(span, in_span / num_tiles, in_span % num_tiles * kTile);
  });
}

}  // namespace rl::language
