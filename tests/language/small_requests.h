// A few requests for small models, whose context of 64 they fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rl/language/text_generator.h"

namespace rl::language {

// The second has filters, the third a temperature above 1.
inline GenerationRequest small_request(std::size_t vocabulary, std::uint64_t id,
                                       std::size_t prompt, std::size_t samples) {
  GenerationRequest request;
  request.id = id;
  request.num_samples = samples;
  request.max_new_tokens = 14;
  request.seed = 3;
  request.stream = id * 10;
  for (std::size_t i = 0; i < prompt; ++i) {
    request.prompt.push_back(static_cast<TokenId>((id * 31 + i * 17) % vocabulary));
  }
  if (id == 1) request.sampling = {.temperature = 0.7F, .top_k = 30, .top_p = 0.95F};
  if (id == 2) request.sampling = {.temperature = 1.7F};
  return request;
}

// Prompts of 5, 33 and 1 tokens, several samples of each.
inline std::vector<GenerationRequest> small_requests(std::size_t vocabulary) {
  return {small_request(vocabulary, 0, 5, 3), small_request(vocabulary, 1, 33, 2),
          small_request(vocabulary, 2, 1, 4)};
}

}  // namespace rl::language
