#include "src/models/language/packing.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <string>

#include "rl/core/error.h"
#include "src/models/language/shared_rows.h"

namespace rl::lm {
namespace {

constexpr std::int64_t kFewestPositions = 256;

void check_lengths(const PackedTokens& packed, std::int64_t context) {
  std::int64_t sum = 0;
  for (const std::int64_t length : packed.lengths) {
    if (length < 1) {
      throw Error({.where = "PackedTokens", .what = "a sequence without tokens",
                   .expected = "lengths of at least 1", .got = std::to_string(length)});
    }
    if (length > context) {
      throw Error({.where = "PackedTokens", .what = "a sequence is longer than the model's context",
                   .expected = "at most " + std::to_string(context) + " tokens",
                   .got = std::to_string(length), .remedy = "cut or drop it"});
    }
    sum += length;
  }
  if (sum == packed.tokens.size(0) && sum > 0) return;
  throw Error({.where = "PackedTokens", .what = "the lengths do not sum to the tokens",
               .expected = std::to_string(packed.tokens.size(0)) + " (at least 1)",
               .got = std::to_string(sum)});
}

void check_tokens(const std::vector<std::int64_t>& tokens, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
    throw Error({.where = "PackedTokens",
                 .what = "token " + std::to_string(i) + " is outside the vocabulary",
                 .expected = "0 to " + std::to_string(vocabulary - 1),
                 .got = std::to_string(tokens[i]),
                 .remedy = "tokenize with the model's own tokenizer"});
  }
}

at::Tensor as_tensor(std::vector<std::int64_t>& numbers) {
  return at::from_blob(numbers.data(), {static_cast<std::int64_t>(numbers.size())}, at::kLong)
      .clone();
}

// Rows of the tokens: those of the sequence before where they are shared, else new ones.
void number_rows(const std::vector<std::int64_t>& tokens, Batch& batch) {
  std::vector<std::int64_t> rows, first_tokens;
  std::int64_t before = 0;
  for (std::size_t s = 0; s < batch.lengths.size(); ++s) {
    const std::int64_t start = batch.starts[s];
    batch.first_rows.push_back(batch.num_rows());
    for (std::int64_t i = 0; i < batch.lengths[s]; ++i) {
      if (i < batch.shared[s]) {
        rows.push_back(rows[static_cast<std::size_t>(before + i)]);
        continue;
      }
      rows.push_back(batch.num_rows());
      first_tokens.push_back(start + i);
      batch.token_list.push_back(tokens[static_cast<std::size_t>(start + i)]);
      batch.position_list.push_back(static_cast<std::int32_t>(i));
    }
    before = start;
  }
  if (first_tokens.size() == tokens.size()) return;
  batch.row_numbers = as_tensor(rows);
  batch.first_tokens = as_tensor(first_tokens);
  batch.row_list = std::move(rows);
}

}  // namespace

at::Tensor rotary_rows(const std::vector<float>& table, std::size_t half) {
  const auto width = static_cast<std::int64_t>(half);
  const auto rows = static_cast<std::int64_t>(table.size()) / width;
  return at::from_blob(const_cast<float*>(table.data()), {rows, width}, at::kFloat);
}

Packer::Packer(const language::ModelConfig& config, at::Device device, bool plain)
    : config_(config), device_(device), plain_(plain) {}

std::shared_ptr<const language::RotaryTable> Packer::rotary_for(std::int64_t positions) {
  if (!rotary_ || positions > rotary_positions_) {
    std::int64_t size = std::max(kFewestPositions, rotary_positions_);
    while (size < positions) size *= 2;
    size = std::min(size, static_cast<std::int64_t>(config_.context));
    rotary_ = std::make_shared<language::RotaryTable>(config_, static_cast<std::size_t>(size));
    rotary_positions_ = size;
  }
  return rotary_;
}

std::shared_ptr<const Batch> Packer::pack(const PackedTokens& packed) {
  if (!packed.tokens.defined() || packed.tokens.dim() != 1 ||
      packed.tokens.scalar_type() != at::kLong) {
    throw Error({.where = "PackedTokens", .what = "tokens of another type or shape",
                 .expected = "[N] i64",
                 .got = packed.tokens.defined() ? packed.tokens.toString() : "none"});
  }
  check_lengths(packed, static_cast<std::int64_t>(config_.context));
  auto batch = std::make_shared<Batch>();
  const at::Tensor on_cpu = packed.tokens.to(at::kCPU).contiguous();
  const std::int64_t* ids = on_cpu.const_data_ptr<std::int64_t>();
  const std::vector<std::int64_t> tokens(ids, ids + on_cpu.numel());
  check_tokens(tokens, static_cast<std::int64_t>(config_.vocabulary));

  batch->lengths = packed.lengths;
  std::int64_t start = 0;
  for (const std::int64_t length : packed.lengths) {
    batch->starts.push_back(start);
    start += length;
  }
  batch->shared = plain_ ? std::vector<std::int64_t>(packed.lengths.size(), 0)
                         : shared_tokens(tokens, packed.lengths);
  number_rows(tokens, *batch);
  batch->longest = *std::ranges::max_element(packed.lengths);
  batch->rotary = rotary_for(batch->longest);
  batch->tokens = packed.tokens.to(device_);
  if (!plain_) return batch;
  const at::Tensor positions =
      at::from_blob(batch->position_list.data(), {on_cpu.numel()}, at::kInt).to(at::kLong);
  batch->positions = positions.to(device_);
  if (config_.learned_positions) return batch;
  const auto gathered = [&](const std::vector<float>& table) {
    return rotary_rows(table, batch->rotary->half).index_select(0, positions).to(device_);
  };
  batch->cos = gathered(batch->rotary->cos);
  batch->sin = gathered(batch->rotary->sin);
  return batch;
}

}  // namespace rl::lm
