// Returns and advantages of one fragment: a piece of ONE episode of T steps.
//
// Row t of `values` is V(o_t), row T is V(final observation). How the fragment ends decides what
// stands behind it (Pardo et al. 2018, "Time limits in reinforcement learning"):
//   terminated          -> nothing follows: V_T counts as 0;
//   running, truncated  -> bootstrap: V_T counts as given.
// The recursions never reach over the end of a fragment, so an episode cut in pieces is
// bootstrapped at every cut.
// Threads: pure functions. Errors: Error naming the span when a length differs; outputs untouched.
#pragma once

#include <cstddef>
#include <span>

#include "rl/core/fragment.h"

namespace rl {

// Generalised advantage estimation (Schulman et al. 2016, equations 16 and 11):
//   delta_t = r_t + discount V_{t+1} - V_t,   A_t = delta_t + discount lambda A_{t+1},  A_T = 0.
// The value target of step t is A_t + V_t. T is float or double; sums are kept in double.
template <class T>
void gae(std::span<const T> rewards /* [T] */, std::span<const T> values /* [T + 1] */,
         FragmentEnd end, double discount, double lambda, std::span<T> advantages /* [T] */);

// G_t = r_t + discount G_{t+1},  G_T = final_value, or 0 when terminated.
template <class T>
void discounted_returns(std::span<const T> rewards /* [T] */, double final_value, FragmentEnd end,
                        double discount, std::span<T> returns /* [T] */);

// With m = min(n, T - t), n >= 1:
//   G_t = r_t + discount r_{t+1} + ... + discount^(m-1) r_{t+m-1} + discount^m V_{t+m}.
template <class T>
void n_step_returns(std::span<const T> rewards /* [T] */, std::span<const T> values /* [T + 1] */,
                    FragmentEnd end, std::size_t n, double discount,
                    std::span<T> returns /* [T] */);

// (x - mean) / sqrt(variance + 1e-8), the variance with n - 1; with `keep_mean` the mean is added
// again. A single value stays as it is; equal ones become exactly 0, or stay with keep_mean.
void whiten(std::span<double> values, bool keep_mean = false);

struct VtraceOptions {
  double discount = 0.99;
  double lambda = 1.0;   // scales the trace coefficients
  double rho_clip = 1.0; // bar rho: decides the fixed point
  double c_clip = 1.0;   // bar c: decides the speed
};

// V-trace (Espeholt et al. 2018, remark 1 and section 4.2), with ratio_t = pi(a_t) / mu(a_t):
//   rho_t = min(rho_clip, ratio_t),  c_t = lambda min(c_clip, ratio_t),
//   v_t = V_t + rho_t (r_t + discount V_{t+1} - V_t) + discount c_t (v_{t+1} - V_{t+1}),
//   advantage_t = rho_t (r_t + discount v_{t+1} - V_t),  v_T = V_T.
// On-policy with both clips 1 and lambda 1, v_t is the T-step return.
template <class T>
void vtrace(std::span<const T> rewards /* [T] */, std::span<const T> values /* [T + 1] */,
            std::span<const T> log_ratios /* [T], log pi - log mu */, FragmentEnd end,
            const VtraceOptions& options, std::span<T> targets /* [T] */,
            std::span<T> advantages /* [T] */);

}  // namespace rl
