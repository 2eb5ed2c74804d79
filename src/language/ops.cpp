#include "rl/language/ops.h"

#include <algorithm>
#include <atomic>

#include "rl/core/portable_math.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

// Multiples of every form's tile width, so that no tile is cut by the split over threads.
constexpr std::size_t kOutputGrain = 24;

// Packing the weights pays from so many rows on.
constexpr std::size_t kPackedRows = 64;
constexpr std::size_t kRowGrain = 48;        // a multiple of every form's tile height
constexpr std::size_t kUnitsPerMember = 4;   // so that members end at about the same time

constexpr std::size_t kElementCost = 8;  // of one elementwise result, in multiply-adds

// work(panel, first row, end row, memory) for all panels of all rows, taken in turn by the members.
template <class Work>
void split_panels(ThreadTeam& team, std::size_t panels, std::size_t rows, std::size_t memory_size,
                  std::size_t total_work, const Work& work) {
  const std::size_t members = total_work < kSmallWork ? 1 : team.size();
  const std::size_t wanted = (kUnitsPerMember * members + panels - 1) / panels;
  const std::size_t row_grains = (rows + kRowGrain - 1) / kRowGrain;
  const std::size_t row_parts = members == 1 ? 1 : std::min(wanted, row_grains);
  std::vector<float> memory(members * memory_size);
  std::atomic<std::size_t> next{0};
  const auto serve = [&](std::size_t member) noexcept {
    for (std::size_t unit = next++; unit < panels * row_parts; unit = next++) {
      const std::size_t part = unit % row_parts;
      work(unit / row_parts, row_grains * part / row_parts * kRowGrain,
           std::min(rows, row_grains * (part + 1) / row_parts * kRowGrain),
           memory.data() + member * memory_size);
    }
  };
  if (members == 1) return serve(0);
  team.run(serve);
}

}  // namespace

Ops::Ops(ThreadTeam& team) : Ops(team, *available_kernels().back()) {}

Ops::Ops(ThreadTeam& team, const KernelTable& kernels) : team_(&team), kernels_(&kernels) {}

void Ops::matmul(const Matmul& product) const {
  if (product.rows == 0) return;  // the kernels begin with a whole row
  const std::size_t work = product.rows * product.outputs * product.inner;
  if (product.rows >= kPackedRows) {
    const std::size_t width = kernels_->panel_width;
    return split_panels(*team_, (product.outputs + width - 1) / width, product.rows,
                        kernels_->matmul_memory(product.inner), work,
                        [&](std::size_t panel, std::size_t first, std::size_t end,
                            float* memory) noexcept {
      kernels_->matmul_panel(product, panel * width, first, end, memory);
    });
  }
  share(*team_, product.outputs, kOutputGrain, work,
        [&](std::size_t begin, std::size_t end) noexcept {
          kernels_->matmul(product, begin, end);
        });
}

void Ops::add_product(const AddedProduct& product) const {
  if (product.rows == 0 || product.width == 0) return;
  const std::size_t width = kernels_->panel_width;
  split_panels(*team_, (product.width + width - 1) / width, product.rows, kernels_->added_memory(),
               product.rows * product.width * product.steps,
               [&](std::size_t panel, std::size_t first, std::size_t end, float* memory) noexcept {
    kernels_->added_panel(product, panel * width, first, end, memory);
  });
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
