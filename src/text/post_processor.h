// The "post_processor" part of tokenizer.json: special tokens around the text's.
#pragma once

#include <vector>

#include "src/text/json_node.h"
#include "src/text/vocabulary.h"

namespace rl::text {

// Threads: immutable after construction.
class PostProcessor {
 public:
  // A null node adds nothing. `end`: the vocabulary's largest id + 1. Throws Error naming an
  // unsupported kind or an id outside the vocabulary.
  static PostProcessor from_json(const JsonNode& node, std::size_t end);

  std::vector<TokenId> apply(std::vector<TokenId> ids, bool add_special_tokens) const;

 private:
  static constexpr std::size_t kMaxTemplateIds = 1024;
  struct Step {
    std::vector<TokenId> before;
    std::vector<TokenId> after;
  };
  void add(const JsonNode& node, std::size_t end);
  Step template_step(const JsonNode& node, std::size_t end) const;

  std::vector<Step> steps_;
};

}  // namespace rl::text
