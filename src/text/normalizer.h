// The "normalizer" part of tokenizer.json: text to text, before anything is split.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/text/json_node.h"

namespace rl::text {

// Threads: immutable after construction.
class Normalizer {
 public:
  // A null node changes nothing. Throws Error naming an unsupported kind.
  static Normalizer from_json(const JsonNode& node);

  struct Result {
    std::string text;
    bool lost_start = false;  // what the text began with was taken away
  };
  bool empty() const { return steps_.empty(); }
  Result apply(std::string_view text) const;

 private:
  using Step = std::function<std::string(std::string_view)>;
  void add(const JsonNode& node);

  std::vector<Step> steps_;
};

}  // namespace rl::text
