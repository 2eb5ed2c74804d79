#include "src/language/stored_layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <span>

namespace rl::language {
namespace {

using Parameters = std::map<std::string, ParameterSpec>;

constexpr std::string_view kGpt2Prefix = "transformer.";
constexpr std::array<std::string_view, 2> kHeads = {"lm_head.weight", "score.weight"};

class Gpt2Layout {
 public:
  explicit Gpt2Layout(const ModelConfig& config) {
    for (ParameterSpec& parameter : model_parameters(config)) {
      std::string name = parameter.name;
      parameters_.emplace(std::move(name), std::move(parameter));
    }
    plain("wte.weight", "model.embed_tokens.weight");
    plain("wpe.weight", "model.embed_positions.weight");
    for (std::size_t i = 0; i < config.layers; ++i) add_layer(std::to_string(i));
    norm("ln_f", "model.norm");
    for (const std::string_view head : kHeads) {
      const auto found = parameters_.find(std::string(head));
      if (found != parameters_.end()) rows_.push_back({found->second, {found->second}});
    }
  }
  std::vector<StoredTensor> take() { return std::move(rows_); }

 private:
  const Shape& shape(const std::string& name) const { return parameters_.at(name).shape; }

  void plain(const std::string& stored, const std::string& ours) {
    rows_.push_back({{std::string(kGpt2Prefix) + stored, shape(ours)}, {parameters_.at(ours)}});
  }
  void norm(const std::string& stored, const std::string& ours) {
    plain(stored + ".weight", ours + ".weight");
    plain(stored + ".bias", ours + ".bias");
  }
  // Weight [in, sum of out] and bias [sum of out].
  void fused(const std::string& stored, const std::vector<std::string>& ours) {
    StoredTensor weight{.stored = {std::string(kGpt2Prefix) + stored + ".weight", {}},
                        .parts = {},
                        .transposed = true};
    StoredTensor bias{.stored = {std::string(kGpt2Prefix) + stored + ".bias", {}}, .parts = {}};
    std::int64_t outputs = 0;
    for (const std::string& name : ours) {
      weight.parts.push_back(parameters_.at(name + ".weight"));
      bias.parts.push_back(parameters_.at(name + ".bias"));
      outputs += weight.parts.back().shape[0];
    }
    weight.stored.shape = {weight.parts[0].shape[1], outputs};
    bias.stored.shape = {outputs};
    rows_.push_back(std::move(weight));
    rows_.push_back(std::move(bias));
  }
  void add_layer(const std::string& number) {
    const std::string theirs = "h." + number + ".";
    const std::string ours = "model.layers." + number + ".";
    norm(theirs + "ln_1", ours + "input_layernorm");
    fused(theirs + "attn.c_attn", {ours + "self_attn.q_proj", ours + "self_attn.k_proj",
                                   ours + "self_attn.v_proj"});
    fused(theirs + "attn.c_proj", {ours + "self_attn.o_proj"});
    norm(theirs + "ln_2", ours + "post_attention_layernorm");
    fused(theirs + "mlp.c_fc", {ours + "mlp.up_proj"});
    fused(theirs + "mlp.c_proj", {ours + "mlp.down_proj"});
  }

  Parameters parameters_;
  std::vector<StoredTensor> rows_;
};

// Calls copy(part, offset in the part, offset in the stored tensor, bytes) for every run of bytes
// that stays together.
template <class Copy>
void for_each_run(const StoredTensor& tensor, DType dtype, const Copy& copy) {
  const std::size_t size = size_bytes(dtype);
  std::size_t rows_before = 0;
  for (std::size_t part = 0; part < tensor.parts.size(); ++part) {
    const Shape& shape = tensor.parts[part].shape;
    const auto rows = static_cast<std::size_t>(shape[0]);
    const std::size_t columns = shape.size() == 2 ? static_cast<std::size_t>(shape[1]) : 1;
    if (!tensor.transposed) {
      copy(part, 0, rows_before * columns * size, rows * columns * size);
    } else {
      const auto width = static_cast<std::size_t>(tensor.stored.shape[1]);
      for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t row = 0; row < rows; ++row) {
          copy(part, (row * columns + column) * size,
               (column * width + rows_before + row) * size, size);
        }
      }
    }
    rows_before += rows;
  }
}

}  // namespace

std::vector<StoredTensor> stored_layout(const ModelConfig& config) {
  if (config.family == Family::gpt2) return Gpt2Layout(config).take();
  std::vector<StoredTensor> rows;
  for (const ParameterSpec& parameter : model_parameters(config)) {
    rows.push_back({.stored = parameter, .parts = {parameter}});
  }
  return rows;
}

std::string stored_name(const ModelConfig& config, std::string_view name) {
  if (config.family != Family::gpt2) {
    return name.ends_with(".rotary_emb.inv_freq") ? "" : std::string(name);
  }
  if (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")) return "";
  const bool prefixed = name.starts_with(kGpt2Prefix) ||
                        std::ranges::find(kHeads, name) != kHeads.end();
  return (prefixed ? "" : std::string(kGpt2Prefix)) + std::string(name);
}

void split_stored(const StoredTensor& tensor, DType dtype, std::span<const std::byte> stored,
                  const std::vector<std::span<std::byte>>& parts) {
  for_each_run(tensor, dtype, [&](std::size_t part, std::size_t ours, std::size_t theirs,
                                  std::size_t bytes) {
    std::memcpy(parts[part].data() + ours, stored.data() + theirs, bytes);
  });
}

void join_stored(const StoredTensor& tensor, DType dtype,
                 const std::vector<std::span<const std::byte>>& parts,
                 std::span<std::byte> stored) {
  for_each_run(tensor, dtype, [&](std::size_t part, std::size_t ours, std::size_t theirs,
                                  std::size_t bytes) {
    std::memcpy(stored.data() + theirs, parts[part].data() + ours, bytes);
  });
}

}  // namespace rl::language
