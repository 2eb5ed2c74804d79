#include <ATen/autocast_mode.h>

#include "src/models/language/transformer_layers.h"

namespace rl::lm {

Autocast::Autocast(bool wanted) : wanted_(wanted) {
  if (!wanted_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(at::kCUDA);
  at::autocast::set_autocast_enabled(at::kCUDA, true);
  at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!wanted_) return;
  // The outermost one drops the cached casts: weights change between steps.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCUDA, was_enabled_);
}

}  // namespace rl::lm
