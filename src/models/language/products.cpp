#include "src/models/language/products.h"

namespace rl::lm {
namespace {

const float* read(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}
std::size_t extent(const at::Tensor& tensor, std::int64_t dimension) {
  return static_cast<std::size_t>(tensor.size(dimension));
}

}  // namespace

void multiply(const language::Ops& ops, const at::Tensor& x, const at::Tensor& w,
              const at::Tensor& bias, const at::Tensor& y) {
  const std::size_t inner = extent(x, 1);
  const std::size_t outputs = extent(w, 0);
  ops.matmul({.x = read(x), .x_stride = inner, .rows = extent(x, 0), .w = read(w),
              .w_dtype = DType::f32, .w_stride = inner, .outputs = outputs, .inner = inner,
              .bias = read(bias), .y = y.mutable_data_ptr<float>(), .y_stride = outputs});
}

void add_product(const language::Ops& ops, const at::Tensor& a, const at::Tensor& b,
                 const at::Tensor& sum, bool from_zero) {
  const std::size_t width = extent(b, 1);
  ops.add_product({.a = read(a), .a_row_stride = extent(a, 1), .a_step_stride = 1,
                   .rows = extent(a, 0), .steps = extent(a, 1), .b = read(b), .b_stride = width,
                   .width = width, .c = sum.mutable_data_ptr<float>(), .c_stride = width,
                   .from_zero = from_zero});
}

void add_transposed_product(const language::Ops& ops, const at::Tensor& a, const at::Tensor& b,
                            const at::Tensor& sum) {
  const std::size_t width = extent(b, 1);
  ops.add_product({.a = read(a), .a_row_stride = 1, .a_step_stride = extent(a, 1),
                   .rows = extent(a, 1), .steps = extent(a, 0), .b = read(b), .b_stride = width,
                   .width = width, .c = sum.mutable_data_ptr<float>(), .c_stride = width});
}

}  // namespace rl::lm
