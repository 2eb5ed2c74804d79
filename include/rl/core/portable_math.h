// Elementary functions whose results have the same bits on every CPU and with every C library:
// additions, multiplications, divisions and square roots in one fixed order, nothing else. Accurate
// to about one unit in the last place unless said. Method and constants: fdlibm (Sun 1993).
#pragma once

#include "rl/core/rng.h"

namespace rl::portable {

// Threads: pure functions, any thread. NaN in, NaN out.
double exp(double x);
double log(double x);           // -infinity at 0, NaN below
double log1p(double x);         // x > -1
double cos_two_pi(double turns);  // cos(2 pi turns), turns in [0, 1)
double tanh(double x);
double atanh(double x);         // |x| < 1
double softplus(double x);      // log(1 + e^x), no overflow

// Mean 0, variance 1 (Box-Muller). Takes exactly kNormalDraws draws of the stream.
inline constexpr int kNormalDraws = 4;
double standard_normal(RngStream& stream);

}  // namespace rl::portable
