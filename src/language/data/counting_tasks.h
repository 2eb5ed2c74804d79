// Tasks whose prompts list what their answers are made of.
#pragma once

#include <cstddef>
#include <memory>

#include "rl/language/text_tasks.h"

namespace rl::language {

// `numbers` numbers of at most `digits` digits, every one to be used once to make the target.
std::unique_ptr<TextTask> make_countdown(std::size_t numbers, std::size_t digits);
// How often a letter is in a text of this length.
std::unique_ptr<TextTask> make_letter_count(std::size_t letters);

}  // namespace rl::language
