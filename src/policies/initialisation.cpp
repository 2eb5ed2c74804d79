#include "rl/policies/initialisation.h"

#include <Eigen/Dense>
#include <cmath>
#include <string>

#include "rl/core/error.h"
#include "rl/core/portable_math.h"

namespace rl {
namespace {

void require_size(bool ok, const char* where, const std::string& expected, std::size_t got) {
  if (ok) return;
  throw Error({.where = where,
               .what = "the span does not fit the layer",
               .expected = expected,
               .got = std::to_string(got) + " values",
               .remedy = "pass the whole tensor and its extents"});
}

}  // namespace

void orthogonal(std::span<float> weight, std::int64_t out, std::int64_t in, double gain,
                RngStream stream) {
  require_size(out > 0 && in > 0 && weight.size() == static_cast<std::size_t>(out * in),
               "orthogonal", std::to_string(out) + " x " + std::to_string(in) + " values",
               weight.size());
  const Eigen::Index tall = std::max(out, in);
  const Eigen::Index narrow = std::min(out, in);
  Eigen::MatrixXd normals(tall, narrow);
  for (Eigen::Index row = 0; row < tall; ++row) {
    for (Eigen::Index column = 0; column < narrow; ++column) {
      normals(row, column) = portable::standard_normal(stream);
    }
  }
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(normals);
  Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(tall, narrow);
  for (Eigen::Index column = 0; column < narrow; ++column) {
    if (qr.matrixQR()(column, column) < 0.0) q.col(column) = -q.col(column);
  }
  for (Eigen::Index row = 0; row < out; ++row) {
    for (Eigen::Index column = 0; column < in; ++column) {
      const double value = out >= in ? q(row, column) : q(column, row);
      weight[static_cast<std::size_t>(row * in + column)] = static_cast<float>(gain * value);
    }
  }
}

void uniform_fan_in(std::span<float> values, std::int64_t inputs, RngStream stream) {
  require_size(inputs > 0, "uniform_fan_in", "a layer with inputs", values.size());
  const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
  for (float& value : values) value = static_cast<float>(stream.uniform(-bound, bound));
}

}  // namespace rl
