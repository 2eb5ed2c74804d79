// The layers of a transformer, over either form of the functions.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "src/models/language/functions.h"
#include "src/models/language/network.h"

namespace rl::lm {

struct ForwardOptions {
  bool activation_checkpointing = false;
  bool bf16_autocast = false;
};

// [N, hidden] behind the final norm, in the order of rl/language/transformer.h. `network` must
// outlive the graph.
at::Tensor forward_hidden(const Functions& functions, const Network& network,
                          const std::shared_ptr<const Batch>& batch, const ForwardOptions& options);

// Matrix products on CUDA in bf16 while it lives, when asked for.
class Autocast {
 public:
  explicit Autocast(bool wanted);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool wanted_;
  bool was_enabled_ = false;
};

}  // namespace rl::lm
