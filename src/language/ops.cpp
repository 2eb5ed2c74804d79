#include "rl/language/ops.h"

#include <algorithm>

#include "rl/core/portable_math.h"
#include "src/language/aligned_floats.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

// Multiples of every form's tile width, so that no tile is cut by the split over threads.
constexpr std::size_t kOutputGrain = 24;

constexpr std::size_t kPackedRows = 64;             // packing the weights pays from so many rows on
constexpr std::size_t kPackedFloats = 256 * 1024;   // packed at a time: what the caches hold
constexpr std::size_t kRowGrain = 24;               // a multiple of every form's tile height
constexpr std::size_t kUnitsPerMember = 4;          // so that members end at about the same time

constexpr std::size_t kElementCost = 8;  // of one elementwise result, in multiply-adds

std::size_t ceiling(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

// work(block, its first panel) for blocks of rows; of columns too, where there are few rows.
template <class Work>
void each_block(ThreadTeam& team, std::size_t rows, std::size_t columns, std::size_t width,
                std::size_t total_work, const Work& work) {
  const std::size_t wanted = kUnitsPerMember * team.size();
  const std::size_t grains = ceiling(rows, kRowGrain);
  const std::size_t row_parts = std::min(grains, wanted);
  const std::size_t panels = ceiling(columns, width);
  const std::size_t column_parts = std::min(panels, ceiling(wanted, row_parts));
  take_turns(team, row_parts * column_parts, total_work,
             [&](std::size_t, std::size_t unit) noexcept {
    const std::size_t part = unit / column_parts;
    const std::size_t column_part = unit % column_parts;
    const std::size_t panel = panels * column_part / column_parts;
    work(Block{grains * part / row_parts * kRowGrain,
               std::min(rows, grains * (part + 1) / row_parts * kRowGrain), panel * width,
               std::min(columns, panels * (column_part + 1) / column_parts * width)},
         panel);
  });
}

}  // namespace

Ops::Ops(ThreadTeam& team) : Ops(team, *available_kernels().back()) {}

Ops::Ops(ThreadTeam& team, const KernelTable& kernels) : team_(&team), kernels_(&kernels) {}

void Ops::matmul(const Matmul& product) const {
  if (product.rows == 0) return;  // the kernels begin with a whole row
  if (product.rows >= kPackedRows) return matmul_packed(product);
  share(*team_, product.outputs, kOutputGrain, product.rows * product.outputs * product.inner,
        [&](std::size_t begin, std::size_t end) noexcept {
          kernels_->matmul(product, begin, end);
        });
}

void Ops::matmul_packed(const Matmul& product) const {
  const std::size_t width = kernels_->panel_width;
  const std::size_t size = kernels_->packed_weights(product.inner);
  const std::size_t panels_at_once = std::clamp<std::size_t>(
      kPackedFloats / size, 1, ceiling(product.outputs, width));
  const AlignedFloats packed(panels_at_once * size);
  for (std::size_t column = 0; column < product.outputs; column += panels_at_once * width) {
    const std::size_t columns = std::min(panels_at_once * width, product.outputs - column);
    take_turns(*team_, ceiling(columns, width), columns * product.inner,
               [&](std::size_t, std::size_t panel) noexcept {
      kernels_->pack_weights(product, column + panel * width, packed.data() + panel * size);
    });
    each_block(*team_, product.rows, columns, width, product.rows * columns * product.inner,
               [&](Block block, std::size_t panel) noexcept {
      block.first_column += column, block.end_column += column;
      kernels_->matmul_panels(product, block, packed.data() + panel * size);
    });
  }
}

// A part of the steps at a time for all of c: every element's chain goes on where it was.
void Ops::add_product(const AddedProduct& product) const {
  if (product.rows == 0 || product.width == 0) return;
  if (product.steps == 0 && product.from_zero) {
    for (std::size_t row = 0; row < product.rows; ++row) {
      std::fill_n(product.c + row * product.c_stride, product.width, 0.0F);
    }
  }
  const std::size_t width = kernels_->panel_width;
  const std::size_t panels = ceiling(product.width, width);
  const std::size_t steps_at_once = std::clamp<std::size_t>(
      kPackedFloats / (panels * width), 1, std::max<std::size_t>(product.steps, 1));
  const AlignedFloats packed(steps_at_once * panels * width);
  for (std::size_t step = 0; step < product.steps; step += steps_at_once) {
    const std::size_t end = std::min(step + steps_at_once, product.steps);
    const std::size_t size = (end - step) * width;
    take_turns(*team_, panels, panels * size, [&](std::size_t, std::size_t panel) noexcept {
      kernels_->pack_columns(product, panel * width, step, end, packed.data() + panel * size);
    });
    each_block(*team_, product.rows, product.width, width,
               product.rows * product.width * (end - step),
               [&](const Block& block, std::size_t panel) noexcept {
      kernels_->added_panels(product, block, step, end, packed.data() + panel * size);
    });
  }
}

void Ops::rms_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                   float epsilon, float* y) const {
  share(*team_, rows, 1, rows * width, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      kernels_->rms_norm(x + row * width, width, weight, epsilon, y + row * width);
    }
  });
}

void Ops::layer_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                     const float* bias, float epsilon, float* y) const {
  share(*team_, rows, 1, rows * width, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      kernels_->layer_norm(x + row * width, width, weight, bias, epsilon, y + row * width);
    }
  });
}

void Ops::rotate(float* x, std::size_t rows, std::size_t heads, const RotaryTable& table,
                 const std::int32_t* positions) const {
  const std::size_t half = table.half;
  share(*team_, rows, 1, rows * heads * half, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t angles = static_cast<std::size_t>(positions[row]) * half;
      for (std::size_t head = 0; head < heads; ++head) {
        kernels_->rotate(x + (row * heads + head) * 2 * half, half, table.cos.data() + angles,
                         table.sin.data() + angles);
      }
    }
  });
}

void Ops::silu_multiply(const float* gate, const float* up, std::size_t count, float* y) const {
  share(*team_, count, 64, count * kElementCost, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->silu_multiply(gate + begin, up + begin, end - begin, y + begin);
  });
}

void Ops::gelu_tanh(const float* x, std::size_t count, float* y) const {
  share(*team_, count, 64, count * kElementCost, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->gelu_tanh(x + begin, end - begin, y + begin);
  });
}

void Ops::add(const float* a, const float* b, std::size_t count, float* y) const {
  share(*team_, count, 64, count, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->add(a + begin, b + begin, end - begin, y + begin);
  });
}

void Ops::score(const float* logits, std::size_t rows, std::size_t vocabulary,
                float inverse_temperature, const std::int32_t* tokens, TokenScore* scores) const {
  share(*team_, rows, 1, rows * vocabulary * kElementCost,
        [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      const float* z = logits + row * vocabulary;
      TokenScore& score = scores[row];
      score.max = kernels_->maximum(z, vocabulary) * inverse_temperature;
      const ExpSums sums =
          kernels_->exponentials(z, vocabulary, inverse_temperature, score.max, nullptr);
      score.log_sum = static_cast<float>(portable::log(static_cast<double>(sums.sum)));
      const float token = z[tokens[row]] * inverse_temperature;
      score.log_prob = (token - score.max) - score.log_sum;
      score.entropy = score.log_sum - sums.weighted / sums.sum;
    }
  });
}

}  // namespace rl::language
