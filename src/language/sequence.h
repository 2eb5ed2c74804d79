// One sample of a request while it is generated.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/text_generator.h"
#include "src/language/page_table.h"

namespace rl::language {

// Threads: one thread at a time, together with the pool.
struct Sequence {
  Sequence(std::shared_ptr<const GenerationRequest> from, std::size_t index, PagePool& pool)
      : request(std::move(from)),
        sample(index),
        tokens(request->prompt),
        pages(pool),
        draws(request->seed, RngRole::generation, request->stream + index) {}

  std::size_t prompt_size() const { return request->prompt.size(); }
  std::size_t generated() const { return tokens.size() - prompt_size(); }
  // The last token's keys and values are computed when the next one is sampled.
  std::size_t uncached() const { return tokens.size() - cached; }
  bool is_sibling(const Sequence& other) const { return request == other.request; }

  std::shared_ptr<const GenerationRequest> request;
  std::size_t sample;
  std::vector<TokenId> tokens;  // the prompt, then what was sampled
  std::size_t cached = 0;       // positions whose keys and values are in the pages
  PageTable pages;
  RngStream draws;
  bool finished = false;
};

}  // namespace rl::language
