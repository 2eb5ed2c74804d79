// The "decoder" part of tokenizer.json: tokens back to text, as a chain of steps that tokens flow
// through, so that decoding as a whole and bit by bit are the same thing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/json_node.h"

namespace rl::text {

// What one decoding goes through. A token may arrive in several parts, each valid UTF-8; only the
// step that joins tokens makes such parts. Threads: one at a time.
class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  virtual void part(std::string_view text) = 0;
  virtual void end_token() = 0;
  virtual void finish() = 0;  // no more tokens

  void set_next(DecodeStep* next) { next_ = next; }

 protected:
  DecodeStep& next() { return *next_; }

 private:
  DecodeStep* next_ = nullptr;
};

// One decoding of one sequence. Not copied: its steps point at each other.
class Decoding {
 public:
  explicit Decoding(std::vector<std::unique_ptr<DecodeStep>> steps);
  ~Decoding();
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;

  void push(std::string_view token);
  void finish();
  std::string take();  // the text that has become certain since the last time

 private:
  class Output;
  std::unique_ptr<Output> output_;
  std::vector<std::unique_ptr<DecodeStep>> steps_;
};

// Threads: immutable after construction.
class Decoder {
 public:
  // A null node joins tokens with spaces. Throws Error naming an unsupported kind.
  static Decoder from_json(const JsonNode& node);
  std::unique_ptr<Decoding> start() const;

 private:
  using Maker = std::function<std::unique_ptr<DecodeStep>()>;
  void add(const JsonNode& node);
  std::vector<Maker> makers_;
};

}  // namespace rl::text
