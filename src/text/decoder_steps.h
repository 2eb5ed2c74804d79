// The kinds of decoder steps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/text/decoder.h"
#include "src/text/pattern.h"

namespace rl::text {

// A step that looks at a token once it is whole.
class WholeTokenStep : public DecodeStep {
 public:
  void part(std::string_view text) final { token_ += text; }
  void end_token() final {
    token(token_);
    token_.clear();
  }
  void finish() override { next().finish(); }

 protected:
  virtual void token(const std::string& text) = 0;
  void emit(std::string_view text) {
    next().part(text);
    next().end_token();
  }

 private:
  std::string token_;
};

// Each token by a function of its own.
class MapStep : public WholeTokenStep {
 public:
  using Function = std::function<std::string(const std::string&)>;
  explicit MapStep(Function function) : function_(std::move(function)) {}

 protected:
  void token(const std::string& text) override { emit(function_(text)); }

 private:
  Function function_;
};

// All tokens become one, of bytes; half a character waits for its other half.
class ByteLevelStep : public WholeTokenStep {
 public:
  void finish() override;

 protected:
  void token(const std::string& text) override;

 private:
  std::string pending_;
};

// Runs of "<0x..>" become text if a whole run is valid UTF-8, else one U+FFFD per byte.
class ByteFallbackStep : public WholeTokenStep {
 public:
  void finish() override;

 protected:
  void token(const std::string& text) override;

 private:
  void flush();
  std::string run_;
};

// All tokens become one.
class FuseStep : public DecodeStep {
 public:
  void part(std::string_view text) override { next().part(text); }
  void end_token() override {}
  void finish() override;
};

// Takes a character away at the start of each token.
class StripStartStep : public DecodeStep {
 public:
  StripStartStep(std::string character, std::size_t most)
      : character_(std::move(character)), most_(most), left_(most) {}
  void part(std::string_view text) override;
  void end_token() override;
  void finish() override { next().finish(); }

 private:
  std::string character_;
  std::size_t most_;
  std::size_t left_;
};

// The replacement character becomes a space; in the first token it is left out when `drop_first`.
class MetaspaceDecodeStep : public DecodeStep {
 public:
  MetaspaceDecodeStep(std::string replacement, bool drop_first)
      : replacement_(std::move(replacement)), drop_(drop_first) {}
  void part(std::string_view text) override;
  void end_token() override;
  void finish() override { next().finish(); }

 private:
  std::string replacement_;
  bool drop_;
};

// A space between tokens.
class JoinStep : public DecodeStep {
 public:
  void part(std::string_view text) override;
  void end_token() override;
  void finish() override { next().finish(); }

 private:
  bool first_ = true;
  bool open_ = false;
};

// Strip of a whole token at both ends.
std::string strip_token(const std::string& token, const std::string& character, std::size_t start,
                        std::size_t stop);

}  // namespace rl::text
