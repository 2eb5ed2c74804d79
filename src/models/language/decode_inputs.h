// What a pass with one new token of each sequence reads, at addresses that stay.
#pragma once

#include <ATen/core/Tensor.h>

#include <compare>
#include <cstdint>
#include <span>

#include "rl/language/transformer.h"

namespace rl::lm {

// Passes of one bucket have the same shapes: their rows and the positions they attend to are filled
// up to its own.
struct DecodeBucket {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  auto operator<=>(const DecodeBucket&) const = default;
};

// Threads: one thread at a time.
class DecodeInputs {
 public:
  // For buckets up to `most`.
  DecodeInputs(DecodeBucket most, std::int64_t page_size, at::Device device);

  // By one copy, in the order of the current stream; the copy before must have been made. Rows
  // without a span stand at the first position of the spare page.
  void write(std::span<const language::TokenSpan> spans, DecodeBucket bucket,
             std::int64_t spare_page);

  // Of the passes of this bucket, i64.
  at::Tensor tokens(DecodeBucket bucket) const;     // [rows]
  at::Tensor positions(DecodeBucket bucket) const;  // [rows]
  at::Tensor pages(DecodeBucket bucket) const;      // [rows, pages for the length]

 private:
  std::int64_t pages_per_row(DecodeBucket bucket) const;
  std::int64_t numbers(DecodeBucket bucket) const;

  std::int64_t page_size_;
  at::Tensor host_, device_;  // tokens, positions and pages one behind the other
};

}  // namespace rl::lm
