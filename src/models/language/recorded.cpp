#include "src/models/language/recorded.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <memory>

#include "rl/core/error.h"

namespace rl::lm {
namespace {

class RecordedNode final : public torch::autograd::Node {
 public:
  explicit RecordedNode(Backward backward) : backward_(std::move(backward)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    if (!backward_) {
      throw Error({.where = "LanguageModel",
                   .what = "a second backward pass through the same graph",
                   .remedy = "compute the forward pass again"});
    }
    const c10::AutoGradMode no_graph_of_the_gradient(false);
    return backward_(gradients);
  }
  void release_variables() override { backward_ = nullptr; }
  std::string name() const override { return "CorralLanguageOperation"; }

 private:
  Backward backward_;
};

}  // namespace

bool needs_graph(const Tensors& inputs) {
  return c10::GradMode::is_enabled() &&
         std::ranges::any_of(inputs, [](const at::Tensor& input) { return input.requires_grad(); });
}

void record(const Tensors& inputs, const Tensors& outputs, Backward backward) {
  if (!needs_graph(inputs)) return;
  const std::shared_ptr<RecordedNode> node(new RecordedNode(std::move(backward)),
                                           torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  torch::autograd::set_history(outputs, node);
}

at::Tensor recompute_in_backward(const at::Tensor& x,
                                 std::function<at::Tensor(const at::Tensor&)> function) {
  at::Tensor y;
  {
    const c10::NoGradGuard keep_nothing;
    y = function(x.detach());
  }
  record({x}, {y}, [input = x.detach(), function = std::move(function)](const Tensors& gradients) {
    const c10::AutoGradMode record_again(true);
    const at::Tensor leaf = input.detach().requires_grad_();
    torch::autograd::backward({function(leaf)}, {gradients[0]});
    return Tensors{leaf.grad()};
  });
  return y;
}

}  // namespace rl::lm
