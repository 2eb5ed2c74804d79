#include "src/models/language/decode_inputs.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace rl::lm {
namespace {

// Page-locked where the device is a GPU, which then copies without the CPU waiting.
at::Tensor host_buffer(std::int64_t numbers, at::Device device) {
  return at::empty({numbers}, at::TensorOptions().dtype(at::kLong).pinned_memory(device.is_cuda()));
}

}  // namespace

DecodeInputs::DecodeInputs(DecodeBucket most, std::int64_t page_size, at::Device device)
    : page_size_(page_size),
      host_(host_buffer(numbers(most), device)),
      device_(at::empty({numbers(most)}, at::TensorOptions().dtype(at::kLong).device(device))) {}

std::int64_t DecodeInputs::pages_per_row(DecodeBucket bucket) const {
  return (bucket.length - 1) / page_size_ + 1;
}

std::int64_t DecodeInputs::numbers(DecodeBucket bucket) const {
  return bucket.rows * (2 + pages_per_row(bucket));
}

void DecodeInputs::write(std::span<const language::TokenSpan> spans, DecodeBucket bucket,
                         std::int64_t spare_page) {
  std::int64_t* tokens = host_.mutable_data_ptr<std::int64_t>();
  std::int64_t* positions = tokens + bucket.rows;
  std::int64_t* pages = positions + bucket.rows;
  const std::int64_t row_pages = pages_per_row(bucket);
  std::fill_n(tokens, 2 * bucket.rows, 0);
  std::fill_n(pages, bucket.rows * row_pages, spare_page);
  for (const language::TokenSpan& span : spans) {
    *tokens++ = span.tokens.front();
    *positions++ = static_cast<std::int64_t>(span.first_position);
    const std::size_t count = span.first_position / static_cast<std::size_t>(page_size_) + 1;
    std::ranges::copy(span.cache.pages.first(count), pages);
    pages += row_pages;
  }
  device_.narrow(0, 0, numbers(bucket))
      .copy_(host_.narrow(0, 0, numbers(bucket)), /*non_blocking=*/true);
}

at::Tensor DecodeInputs::tokens(DecodeBucket bucket) const {
  return device_.narrow(0, 0, bucket.rows);
}

at::Tensor DecodeInputs::positions(DecodeBucket bucket) const {
  return device_.narrow(0, bucket.rows, bucket.rows);
}

at::Tensor DecodeInputs::pages(DecodeBucket bucket) const {
  const std::int64_t row_pages = pages_per_row(bucket);
  return device_.narrow(0, 2 * bucket.rows, bucket.rows * row_pages).view({bucket.rows, row_pages});
}

}  // namespace rl::lm
