// Models made from nothing: a configuration in its family's habits, random weights, a tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rl/language/model_files.h"

namespace rl::language {

// What a new model is to be. Threads: a plain value.
struct NewModel {
  Family family = Family::llama;
  std::size_t hidden = 256;
  std::size_t layers = 4;
  std::size_t heads = 4;
  std::size_t kv_heads = 0;      // 0: heads. GPT-2 has as many as heads
  std::size_t head_dim = 0;      // 0: hidden / heads. GPT-2 has no other
  std::size_t intermediate = 0;  // 0: 4 hidden for GPT-2, else 8/3 hidden up to a multiple of 32
  std::size_t context = 512;     // positions
  bool tied_head = true;
  std::uint64_t seed = 1;
  std::string tokenizer_json{};         // empty: rl::text::byte_tokenizer_json()
  std::string tokenizer_config_json{};  // names bos_token and eos_token; used with tokenizer_json
};

// The vocabulary is the tokenizer's. With the tokenizer of bytes the folder has all texts: bos, eos
// and pad ids, and a chat template that writes "role: content" lines. Same input, same bytes.
// Throws Error naming the field, or for a tokenizer that cannot be read.
ModelFolder make_model(const NewModel& wanted);

}  // namespace rl::language
