// Sequences that go through a model by hand, pass by pass, on pages of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "rl/language/logit_model.h"

namespace rl::testing {

class HandMadeSequences {
 public:
  // The model outlives it and gets no other cache.
  HandMadeSequences(language::LogitModel& model, std::size_t page_size)
      : model_(model),
        page_size_(page_size),
        memory_(model.make_pages(language::page_shape(model.config(), page_size))) {}

  // A new sequence of this many tokens; the logits of its last one.
  std::vector<float> begin(std::size_t tokens) {
    sequences_.push_back({});
    return pass({sequences_.size() - 1}, tokens);
  }
  // One token more of each; their logits, one behind the other.
  std::vector<float> next(const std::vector<std::size_t>& which) { return pass(which, 1); }
  std::vector<float> next() {
    std::vector<std::size_t> all(sequences_.size());
    std::iota(all.begin(), all.end(), 0);
    return next(all);
  }

 private:
  struct Sequence {
    std::vector<std::int32_t> tokens{};
    std::vector<language::PageId> pages{};
  };

  void extend(std::size_t number, std::size_t count) {
    Sequence& sequence = sequences_[number];
    for (std::size_t i = 0; i < count; ++i) {
      // None begins with token 0, as rows that are padding do.
      const std::size_t id = 5 + number * 31 + sequence.tokens.size() * 17;
      sequence.tokens.push_back(static_cast<std::int32_t>(id % model_.config().vocabulary));
    }
    while (sequence.pages.size() * page_size_ < sequence.tokens.size()) {
      memory_->add();
      sequence.pages.push_back(num_pages_++);
    }
  }

  std::vector<float> pass(const std::vector<std::size_t>& which, std::size_t count) {
    std::vector<language::TokenSpan> spans;
    std::vector<std::size_t> wanted;
    for (const std::size_t number : which) {
      extend(number, count);
      const Sequence& sequence = sequences_[number];
      const std::size_t first = sequence.tokens.size() - count;
      spans.push_back({std::span(sequence.tokens).subspan(first), first,
                       {.key_pages = {}, .value_pages = {}, .pages = sequence.pages}});
      wanted.push_back(spans.size() * count - 1);
    }
    std::vector<float> logits(which.size() * model_.config().vocabulary);
    model_.forward(spans, page_size_, wanted, logits.data());
    return logits;
  }

  language::LogitModel& model_;
  std::size_t page_size_;
  std::unique_ptr<language::PageMemory> memory_;
  std::vector<Sequence> sequences_{};
  language::PageId num_pages_ = 0;
};

}  // namespace rl::testing
