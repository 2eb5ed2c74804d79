// What one rendering may use up. Every evaluated node, visited element and 16 bytes of text read or
// made cost one step, so steps bound both time and memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rl/text/chat_template.h"
#include "src/text/jinja_failure.h"

namespace rl::text::jinja {

class Budget {
 public:
  void spend(std::size_t steps) {
    if (steps > left_) {
      fail("the template takes too many steps",
           "at most " + std::to_string(ChatTemplate::kMaxSteps), "more",
           "shorten the conversation or simplify the template");
    }
    left_ -= steps;
  }
  void spend_text(std::size_t bytes) { spend(bytes / kBytesPerStep); }

  static constexpr std::size_t kBytesPerStep = 16;

 private:
  std::size_t left_ = ChatTemplate::kMaxSteps;
};

// Text being made, charged to the budget and bounded by kMaxOutputBytes before memory is taken.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  TextBuilder& operator<<(std::string_view piece) {
    if (piece.size() > ChatTemplate::kMaxOutputBytes - text_.size()) {
      fail("the template makes too long a text",
           "at most " + std::to_string(ChatTemplate::kMaxOutputBytes) + " bytes", "more");
    }
    pending_ += piece.size();  // small pieces add up to a step, too
    budget_->spend_text(pending_);
    pending_ %= Budget::kBytesPerStep;
    text_ += piece;
    return *this;
  }
  Budget& budget() { return *budget_; }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  Budget* budget_;
  std::string text_{};
  std::size_t pending_ = 0;
};

}  // namespace rl::text::jinja
