// Samples of one prompt lie next to each other: what they have in common is computed once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "src/models/language/network.h"

namespace rl::lm {

// Of every sequence, how many leading tokens have the rows of the sequence before it, which begins
// with the same ones. All 0 when too little would be saved.
std::vector<std::int64_t> shared_tokens(const std::vector<std::int64_t>& tokens,
                                        const std::vector<std::int64_t>& lengths);

// [R, ...] of rows to [N, ...] of tokens, without history.
at::Tensor spread_rows(const at::Tensor& rows, const Batch& batch);
// [N, ...] of tokens to [R, ...]: the sum over the tokens of a row, in their order.
at::Tensor sum_of_tokens(const at::Tensor& tokens, const Batch& batch);
// [R, ...] to [N, ...]: a row's value at its first token, 0 at the others.
at::Tensor at_first_tokens(const at::Tensor& rows, const Batch& batch);
// [N, ...] to [R, ...]: the value at a row's first token.
at::Tensor first_tokens_of(const at::Tensor& tokens, const Batch& batch);

// spread_rows with a gradient.
at::Tensor recorded_spread(const at::Tensor& rows, const std::shared_ptr<const Batch>& batch);

}  // namespace rl::lm
