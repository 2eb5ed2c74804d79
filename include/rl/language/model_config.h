// What a language model is made of: read from and written to Hugging Face's config.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"

namespace rl::language {

enum class Family : std::uint8_t { llama, qwen2, qwen3, gpt2 };
enum class Norm : std::uint8_t { rms, layer };
enum class Activation : std::uint8_t { silu, gelu_tanh };
enum class RopeScaling : std::uint8_t { none, linear, llama3, yarn };

// Rotary position embedding over the halves of a head: pair (i, i + head_dim / 2).
struct Rope {
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;                // linear, llama3, yarn
  double low_frequency_factor = 1.0;  // llama3
  double high_frequency_factor = 4.0; // llama3
  std::size_t original_positions = 0; // llama3, yarn
  double beta_fast = 32.0;            // yarn
  double beta_slow = 1.0;             // yarn
  double attention_factor = 0.0;      // yarn; 0: 0.1 ln(factor) + 1
};

// Threads: a plain value.
struct ModelConfig {
  Family family = Family::llama;
  std::size_t vocabulary = 0;
  std::size_t hidden = 0;
  std::size_t layers = 0;
  std::size_t query_heads = 0;
  std::size_t key_value_heads = 0;    // divides query_heads
  std::size_t head_dim = 0;           // need not be hidden / query_heads
  std::size_t intermediate = 0;
  std::size_t context = 0;            // most positions
  Norm norm = Norm::rms;
  float norm_epsilon = 1e-5F;
  Activation activation = Activation::silu;
  bool gated_mlp = true;              // down(act(gate(x)) * up(x)); else down(act(up(x)))
  bool qkv_bias = false;
  bool output_bias = false;           // of the attention's output projection
  bool mlp_bias = false;
  bool query_key_norm = false;        // RMSNorm of each query and key head before the rotation
  bool learned_positions = false;     // added to the embedding; then no rotation
  bool tied_head = false;             // the head is the embedding
  bool scalar_head = false;           // one score per position instead of logits: reward and value
                                      // models, *ForSequenceClassification with one label
  Rope rope{};
  std::vector<std::int32_t> bos_ids{};  // as in config.json; generation_config.json may say more
  std::vector<std::int32_t> eos_ids{};
};

// Throws Error naming `where` and the key: unknown family (the known ones listed), unknown
// activation or rope scaling, a missing or nonsensical size, sliding-window attention switched on.
// Reads old and new keys (rope_theta or rope_parameters, torch_dtype or dtype). Sequence
// classifiers must have one label.
ModelConfig parse_model_config(std::string_view json, std::string_view where);

// config.json that transformers loads as the same model. `dtype` is that of the files' tensors.
std::string model_config_json(const ModelConfig& config, DType dtype);

// Throws Error naming the field when sizes are zero, do not divide, or overflow.
void validate(const ModelConfig& config);

// Throws Error saying that the model at `where` scores texts but cannot write any.
void require_language_head(const ModelConfig& config, std::string_view where);

// A tensor of the model under our one naming scheme (Llama's in transformers), whatever the family:
//   model.embed_tokens.weight [vocabulary, hidden]   model.embed_positions.weight [context, hidden]
//   model.layers.N.input_layernorm.{weight,bias} [hidden]
//   model.layers.N.self_attn.{q,k,v}_proj.{weight,bias} [heads * head_dim, hidden]
//   model.layers.N.self_attn.{q,k}_norm.weight [head_dim]
//   model.layers.N.self_attn.o_proj.{weight,bias} [hidden, query_heads * head_dim]
//   model.layers.N.post_attention_layernorm.{weight,bias} [hidden]
//   model.layers.N.mlp.{gate,up}_proj.{weight,bias} [intermediate, hidden]
//   model.layers.N.mlp.down_proj.{weight,bias} [hidden, intermediate]
//   model.norm.{weight,bias} [hidden]       lm_head.weight [vocabulary, hidden] (unless tied)
//   score.weight [1, hidden] (with a scalar head, instead of lm_head)
// Matrices are [out, in]. GPT-2's files, which transpose and fuse, are translated at the border.
struct ParameterSpec {
  std::string name;
  Shape shape;
};
// All parameters, in the order above. Only those that the configuration has.
std::vector<ParameterSpec> model_parameters(const ModelConfig& config);
std::size_t parameter_count(const ModelConfig& config);  // elements, a tied head counted once

}  // namespace rl::language
