#include "src/models/language/row_gradients.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "src/models/language/row_kernels.h"

namespace rl::lm {
namespace {

// Partial sums of a weight's gradient: as many whatever the number of threads.
constexpr std::int64_t kParts = 16;
constexpr std::int64_t kGrain = 16384;  // elements worth a thread

std::int64_t rows_per_thread(std::int64_t width) {
  return std::max<std::int64_t>(1, kGrain / width);
}

float* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}

}  // namespace

at::Tensor norm_gradient(const at::Tensor& output_gradient, const at::Tensor& x,
                         const NormWeights& norm) {
  const at::Tensor gradient = output_gradient.contiguous();
  const std::int64_t width = x.size(-1);
  const std::int64_t rows = x.numel() / width;
  at::Tensor input_gradient = at::empty_like(x);
  const at::Tensor parts = at::zeros({2, kParts, width}, x.options());
  const float* g = gradient.const_data_ptr<float>();
  const float* from = x.const_data_ptr<float>();
  const float* weight = norm.weight.value.const_data_ptr<float>();
  float* to = data_of(input_gradient);
  float* sums = data_of(parts);
  at::parallel_for(0, kParts, std::max<std::int64_t>(1, kParts * kGrain / x.numel()),
                   [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      for (std::int64_t r = rows * part / kParts; r < rows * (part + 1) / kParts; ++r) {
        norm_row({.output_gradient = g + r * width, .x = from + r * width, .weight = weight,
                  .input_gradient = to + r * width, .weight_gradient = sums + part * width,
                  .bias_gradient = norm.centred ? sums + (kParts + part) * width : nullptr,
                  .width = width, .epsilon = static_cast<float>(norm.epsilon)});
      }
    }
  });
  for (std::int64_t part = 0; part < kParts; ++part) {
    if (norm.weight.gradient.defined()) {
      add_row(data_of(norm.weight.gradient), sums + part * width, width);
    }
    if (norm.bias.gradient.defined()) {
      add_row(data_of(norm.bias.gradient), sums + (kParts + part) * width, width);
    }
  }
  return input_gradient;
}

std::pair<at::Tensor, at::Tensor> silu_multiply_gradient(const at::Tensor& output_gradient,
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
  at::parallel_for(0, gate.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    silu_multiply_row(g + begin, gates + begin, ups + begin, to_gate + begin, to_up + begin,
                      end - begin);
  });
  return {gate_gradient, up_gradient};
}

at::Tensor rotation_gradient(const at::Tensor& output_gradient, const Batch& batch) {
  const at::Tensor gradient = output_gradient.contiguous();
  at::Tensor input_gradient = at::empty_like(gradient);
  const std::int64_t heads = gradient.size(1);
  const std::int64_t width = gradient.size(2);
  const float* g = gradient.const_data_ptr<float>();
  float* to = data_of(input_gradient);
  at::parallel_for(0, gradient.size(0), rows_per_thread(heads * width),
                   [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t angles =
          std::int64_t{batch.position_list[static_cast<std::size_t>(row)]} * (width / 2);
      for (std::int64_t head = 0; head < heads; ++head) {
        const std::int64_t offset = (row * heads + head) * width;
        rotate_back_row(g + offset, batch.rotary->cos.data() + angles,
                        batch.rotary->sin.data() + angles, to + offset, width / 2);
      }
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
  // Threads share the columns: rows may be repeated.
  const std::int64_t num_rows = static_cast<std::int64_t>(row_numbers.size());
  const std::int64_t columns_per_thread =
      std::max<std::int64_t>(16, kGrain / std::max<std::int64_t>(num_rows, 1));
  at::parallel_for(0, width, columns_per_thread,
                   [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = 0; n < num_rows; ++n) {
      add_row(to + row_numbers[static_cast<std::size_t>(n)] * width + begin,
              source + n * width + begin, end - begin);
    }
  });
}

void log_prob_gradient(const at::Tensor& logits, const float* gradients, const float* log_sum_exps,
                       const std::int32_t* targets, float inverse_temperature) {
  const std::int64_t width = logits.size(1);
  float* z = data_of(logits);
  at::parallel_for(0, logits.size(0), rows_per_thread(width),
                   [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float factor = gradients[row] * inverse_temperature;
      softmax_row(z + row * width, width, factor, inverse_temperature, log_sum_exps[row]);
      z[row * width + targets[row]] += factor;
    }
  });
}

}  // namespace rl::lm
