#include "rl/core/portable_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rl::portable {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLn2High = 6.93147180369123816490e-01;  // few bits: k * kLn2High is exact
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kHalfPi = 1.57079632679489661923;

double power_of_two(std::int64_t exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

double sine_kernel(double x) {  // |x| <= pi/4
  const double z = x * x;
  const double tail =
      8.33333333332248946124e-03 +
      z * (-1.98412698298579493134e-04 +
           z * (2.75573137070700676789e-06 +
                z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)));
  return x + z * x * (-1.66666666666666324348e-01 + z * tail);
}

double cosine_kernel(double x) {  // |x| <= pi/4
  const double z = x * x;
  const double tail =
      4.16666666666666019037e-02 +
      z * (-1.38888888888741095749e-03 +
           z * (2.48015872894767294178e-05 +
                z * (-2.75573143513906633035e-07 +
                     z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11))));
  return 1.0 - (0.5 * z - z * z * tail);
}

}  // namespace

double exp(double x) {
  if (!(x > -746.0)) return x != x ? x : 0.0;
  if (x > 709.79) return kInfinity;
  constexpr double kRound = 0x1.8p52;  // adding it leaves the nearest integer in the low bits
  const double k = (x * 1.44269504088896338700 + kRound) - kRound;
  const double high = x - k * kLn2High;
  const double low = k * kLn2Low;
  const double r = high - low;
  const double t = r * r;
  const double c =
      r - t * (1.66666666666666019037e-01 +
               t * (-2.77777777770155933842e-03 +
                    t * (6.61375632143793436117e-05 +
                         t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
  const double mantissa = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
  const auto exponent = static_cast<std::int64_t>(k);
  const std::int64_t half = exponent / 2;  // two steps, so that subnormal results round once
  return mantissa * power_of_two(half) * power_of_two(exponent - half);
}

double log(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
  if (x == kInfinity) return x;
  std::int64_t k = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    k = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<std::int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++k;
  }
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double remainder =
      z * (6.666666666666735130e-01 +
           z * (3.999999999940941908e-01 +
                z * (2.857142874366239149e-01 +
                     z * (2.222219843214978396e-01 +
                          z * (1.818357216161805012e-01 +
                               z * (1.531383769920937332e-01 + z * 1.479819860511658591e-01))))));
  const double half_square = 0.5 * f * f;
  const auto power = static_cast<double>(k);
  return power * kLn2High -
         ((half_square - (s * (half_square + remainder) + power * kLn2Low)) - f);
}

double log1p(double x) {
  const double sum = 1.0 + x;
  if (sum == kInfinity) return sum;
  return log(sum) - ((sum - 1.0) - x) / sum;  // the second term gives back what 1 + x lost
}

double cos_two_pi(double turns) {
  const double quarters = 4.0 * turns;
  const double nearest = std::floor(quarters + 0.5);
  const double angle = (quarters - nearest) * kHalfPi;
  switch (static_cast<int>(nearest) & 3) {
    case 0: return cosine_kernel(angle);
    case 1: return -sine_kernel(angle);
    case 2: return -cosine_kernel(angle);
    default: return sine_kernel(angle);
  }
}

double tanh(double x) {
  const double magnitude = std::fabs(x);
  if (magnitude < 0.25) {  // Lambert's continued fraction
    double denominator = 15.0;
    for (double odd = 13.0; odd > 0.0; odd -= 2.0) denominator = odd + x * x / denominator;
    return x / denominator;
  }
  const double result = 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
  return x < 0.0 ? -result : result;
}

double atanh(double x) {
  const double magnitude = std::fabs(x);
  const double result = 0.5 * log1p(2.0 * magnitude / (1.0 - magnitude));
  return x < 0.0 ? -result : result;
}

double softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-std::fabs(x))); }

double standard_normal(RngStream& stream) {
  const double radius = std::sqrt(-2.0 * log(1.0 - stream.uniform()));
  return radius * cos_two_pi(stream.uniform());
}

}  // namespace rl::portable
