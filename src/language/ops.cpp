#include "rl/language/ops.h"

#include <algorithm>
#include <atomic>

#include "rl/core/portable_math.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

// Multiples of every form's tile width, so that no tile is cut by the split over threads.
constexpr std::size_t kOutputGrain = 24;

// work(begin, end) over 0 .. count - 1 in equal parts of whole grains, one per member; on the
// caller's thread alone when all of it is less than kSmallWork.
template <class Work>
void split(ThreadTeam& team, std::size_t count, std::size_t grain, std::size_t total_work,
           const Work& work) {
  if (total_work < kSmallWork || count <= grain || team.size() == 1) return work(0, count);
  const std::size_t grains = (count + grain - 1) / grain;
  const std::size_t members = team.size();
  team.run([&](std::size_t member) noexcept {
    const std::size_t begin = grains * member / members * grain;
    const std::size_t end = std::min(count, grains * (member + 1) / members * grain);
    if (begin < end) work(begin, end);
  });
}

constexpr std::size_t kElementCost = 8;  // of one elementwise result, in multiply-adds

}  // namespace

Ops::Ops(ThreadTeam& team) : Ops(team, *available_kernels().back()) {}

Ops::Ops(ThreadTeam& team, const KernelTable& kernels) : team_(&team), kernels_(&kernels) {}

void Ops::matmul(const Matmul& product) const {
  if (product.rows == 0) return;  // the kernels begin with a whole row
  split(*team_, product.outputs, kOutputGrain, product.rows * product.outputs * product.inner,
        [&](std::size_t begin, std::size_t end) noexcept {
          kernels_->matmul(product, begin, end);
        });
}

void Ops::rms_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                   float epsilon, float* y) const {
  split(*team_, rows, 1, rows * width, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      kernels_->rms_norm(x + row * width, width, weight, epsilon, y + row * width);
    }
  });
}

void Ops::layer_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                     const float* bias, float epsilon, float* y) const {
  split(*team_, rows, 1, rows * width, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) {
      kernels_->layer_norm(x + row * width, width, weight, bias, epsilon, y + row * width);
    }
  });
}

void Ops::rotate(float* x, std::size_t rows, std::size_t heads, const RotaryTable& table,
                 const std::int32_t* positions) const {
  const std::size_t half = table.half;
  split(*team_, rows, 1, rows * heads * half, [&](std::size_t begin, std::size_t end) noexcept {
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
  split(*team_, count, 64, count * kElementCost, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->silu_multiply(gate + begin, up + begin, end - begin, y + begin);
  });
}

void Ops::gelu_tanh(const float* x, std::size_t count, float* y) const {
  split(*team_, count, 64, count * kElementCost, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->gelu_tanh(x + begin, end - begin, y + begin);
  });
}

void Ops::add(const float* a, const float* b, std::size_t count, float* y) const {
  split(*team_, count, 64, count, [&](std::size_t begin, std::size_t end) noexcept {
    kernels_->add(a + begin, b + begin, end - begin, y + begin);
  });
}

void Ops::score(const float* logits, std::size_t rows, std::size_t vocabulary,
                float inverse_temperature, const std::int32_t* tokens, TokenScore* scores) const {
  split(*team_, rows, 1, rows * vocabulary * kElementCost,
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
