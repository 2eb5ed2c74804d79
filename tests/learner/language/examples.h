// A tiny model of bytes and examples for it.
#pragma once

#include <string>
#include <vector>

#include "rl/language/new_model.h"
#include "rl/language/training_data.h"

namespace rl::tests {

inline language::ModelFolder tiny_model() {
  language::NewModel wanted;
  wanted.hidden = 32;
  wanted.layers = 1;
  wanted.heads = 2;
  wanted.context = 32;
  return language::make_model(wanted);
}

// Bytes of the prompt and the completion, and EOS; the loss is on what follows the prompt.
inline language::TrainingExample example(const std::string& prompt, const std::string& completion) {
  language::TrainingExample result;
  const std::string all = prompt + completion;
  for (const char c : all) result.tokens.push_back(static_cast<unsigned char>(c));
  result.tokens.push_back(257);
  result.loss.assign(result.tokens.size(), 0);
  for (std::size_t i = prompt.size(); i < result.loss.size(); ++i) result.loss[i] = i > 0 ? 1 : 0;
  result.answer_begin = prompt.size();
  result.answer_end = result.tokens.size();
  return result;
}

}  // namespace rl::tests
