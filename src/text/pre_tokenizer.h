// The "pre_tokenizer" part of tokenizer.json: a text into the words that merges never cross.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/json_node.h"

namespace rl::text {

struct Piece {
  std::string_view text;
  bool at_start = false;  // of the whole text that is being encoded
};

// Texts that steps made; pieces point into them.
using TextStore = std::deque<std::string>;

// One step: a piece becomes several. Threads: immutable after construction.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const = 0;
};

class PreTokenizer {
 public:
  // A null node splits nothing. Throws Error naming an unsupported kind.
  static PreTokenizer from_json(const JsonNode& node);

  // Whether the last step writes bytes as characters. If so, it can be left to the model.
  bool ends_with_bytes() const { return ends_with_bytes_; }
  void drop_last() { steps_.pop_back(); }

  // Replaces the pieces by those that the steps make of them, none of them empty.
  void apply(std::vector<Piece>& pieces, TextStore& store) const;

 private:
  void add(const JsonNode& node);
  void add_byte_level(const JsonNode& node);
  void add_split(const JsonNode& node);
  void add_simple(const std::string& kind, const JsonNode& node);

  std::vector<std::unique_ptr<const PreTokenizerStep>> steps_;
  bool ends_with_bytes_ = false;
};

}  // namespace rl::text
