#include "src/models/language/row_gradients.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <vector>

#include "src/models/language/row_kernels.h"

namespace rl::lm {
namespace {

constexpr std::size_t kColumnGrain = 64;         // a cache line of each of a few rows
constexpr std::int64_t kElementCost = 8;  // of one element, in multiply-adds

// work(row) for every row.
template <class Work>
void each_row(language::ThreadTeam& team, std::int64_t rows, std::int64_t width, const Work& work) {
  language::share(team, static_cast<std::size_t>(rows), 1,
                  static_cast<std::size_t>(rows * width * kElementCost),
                  [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t row = begin; row < end; ++row) work(static_cast<std::int64_t>(row));
  });
}

float* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}

}  // namespace

at::Tensor norm_gradient(language::ThreadTeam& team, 
                         const at::Tensor& output_gradient, const at::Tensor& x,
                         const NormWeights& norm) {
  const at::Tensor gradient = output_gradient.contiguous();
  const std::int64_t width = x.size(-1);
  const std::int64_t rows = x.numel() / width;
  at::Tensor input_gradient = at::empty_like(x);
  std::vector<RowScale> scales(static_cast<std::size_t>(rows));
  const float* g = gradient.const_data_ptr<float>();
  const float* from = x.const_data_ptr<float>();
  const float* weight = norm.weight.value.const_data_ptr<float>();
  float* to = data_of(input_gradient);
  each_row(team, rows, width, [&](std::int64_t r) {
    scales[static_cast<std::size_t>(r)] =
        norm_row({.output_gradient = g + r * width, .x = from + r * width, .weight = weight,
                  .input_gradient = to + r * width, .width = width,
                  .epsilon = static_cast<float>(norm.epsilon), .centred = norm.centred});
  });
  if (!norm.weight.gradient.defined()) return input_gradient;
  // Threads share the columns: a column is added up in order of the rows.
  float* weight_gradient = data_of(norm.weight.gradient);
  float* bias_gradient = data_of(norm.bias.gradient);
  language::share(team, static_cast<std::size_t>(width), kColumnGrain,
                  static_cast<std::size_t>(rows * width),
                  [&](std::size_t begin, std::size_t end) noexcept {
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t offset = r * width + static_cast<std::int64_t>(begin);
      norm_weight_row(g + offset, from + offset, scales[static_cast<std::size_t>(r)],
                      weight_gradient + begin,
                      bias_gradient == nullptr ? nullptr : bias_gradient + begin,
                      static_cast<std::int64_t>(end - begin));
    }
  });
  return input_gradient;
}

std::pair<at::Tensor, at::Tensor> silu_multiply_gradient(language::ThreadTeam& team,
                                                         const at::Tensor& output_gradient,
                                                         const at::Tensor& gate,
                                                         const at::Tensor& up) {
  const at::Tensor gradient = output_gradient.contiguous();
  at::Tensor gate_gradient = at::empty_like(gate);
  at::Tensor up_gradient = at::empty_like(up);
  const float* g = gradient.const_data_ptr<float>();
  const float* gates = gate.const_data_ptr<float>();
  const float* ups = up.const_data_ptr<float>();
  float* to_gate = data_of(gate_gradient);
  float* to_up = data_of(up_gradient);
  const std::int64_t width = gate.size(-1);
  each_row(team, gate.numel() / width, width, [&](std::int64_t row) {
    const std::int64_t begin = row * width;
    silu_multiply_row(g + begin, gates + begin, ups + begin, to_gate + begin, to_up + begin, width);
  });
  return {gate_gradient, up_gradient};
}

at::Tensor gelu_gradient(language::ThreadTeam& team, const at::Tensor& output_gradient,
                         const at::Tensor& x) {
  const at::Tensor gradient = output_gradient.contiguous();
  at::Tensor input_gradient = at::empty_like(x);
  const float* g = gradient.const_data_ptr<float>();
  const float* from = x.const_data_ptr<float>();
  float* to = data_of(input_gradient);
  const std::int64_t width = x.size(-1);
  each_row(team, x.numel() / width, width, [&](std::int64_t row) {
    gelu_row(g + row * width, from + row * width, to + row * width, width);
  });
  return input_gradient;
}

at::Tensor rotation_gradient(language::ThreadTeam& team, const at::Tensor& output_gradient,
                             const Batch& batch) {
  const at::Tensor gradient = output_gradient.contiguous();
  at::Tensor input_gradient = at::empty_like(gradient);
  const std::int64_t heads = gradient.size(1);
  const std::int64_t width = gradient.size(2);
  const float* g = gradient.const_data_ptr<float>();
  float* to = data_of(input_gradient);
  each_row(team, gradient.size(0), heads * width, [&](std::int64_t row) {
    const std::int64_t angles =
        std::int64_t{batch.position_list[static_cast<std::size_t>(row)]} * (width / 2);
    for (std::int64_t head = 0; head < heads; ++head) {
      const std::int64_t offset = (row * heads + head) * width;
      rotate_back_row(g + offset, batch.rotary->cos.data() + angles,
                      batch.rotary->sin.data() + angles, to + offset, width / 2);
    }
  });
  return input_gradient;
}

void add_rows(const at::Tensor& table, const std::vector<std::int64_t>& row_numbers,
              const at::Tensor& rows) {
  const at::Tensor from = rows.contiguous();
  const std::int64_t width = table.size(1);
  const float* source = from.const_data_ptr<float>();
  float* to = data_of(table);
  for (std::size_t n = 0; n < row_numbers.size(); ++n) {
    add_row(to + row_numbers[n] * width, source + static_cast<std::int64_t>(n) * width, width);
  }
}

void add_rows_up(const at::Tensor& rows, const at::Tensor& sum) {
  const std::int64_t width = sum.numel();
  const float* source = rows.const_data_ptr<float>();
  for (std::int64_t n = 0; n < rows.size(0); ++n) add_row(data_of(sum), source + n * width, width);
}

void log_prob_gradient(language::ThreadTeam& team, const at::Tensor& logits, const float* gradients,
                       const float* log_sum_exps, const std::int32_t* targets,
                       float inverse_temperature) {
  const std::int64_t width = logits.size(1);
  float* z = data_of(logits);
  each_row(team, logits.size(0), width, [&](std::int64_t row) {
    const float factor = gradients[row] * inverse_temperature;
    softmax_row(z + row * width, width, factor, inverse_temperature, log_sum_exps[row]);
    z[row * width + targets[row]] += factor;
  });
}

}  // namespace rl::lm
