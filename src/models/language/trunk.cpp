#include "src/models/language/trunk.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "rl/core/error.h"
#include "src/models/language/adapters.h"
#include "src/models/language/transformer_layers.h"

namespace rl::lm {
namespace {

constexpr const char* kScore = "score.weight";

at::Tensor view_of(const TensorView& tensor) {
  return at::from_blob(const_cast<std::byte*>(tensor.data.data()), tensor.shape, at::kFloat);
}

std::vector<ParameterSpec> learning_specs(const language::ModelConfig& config,
                                          const LoraOptions& lora) {
  language::validate(config);
  std::vector<ParameterSpec> specs;
  if (lora.rank != 0) specs = adapter_parameters(adapter_sites(config, lora), lora.rank);
  for (const language::ParameterSpec& spec : language::model_parameters(config)) {
    if (lora.rank == 0 || spec.name == kScore) specs.push_back({spec.name, spec.shape});
  }
  return specs;
}

void check(const LanguageModelOptions& options, at::Device device) {
  if (options.bf16_autocast && !device.is_cuda()) {
    throw Error({.where = "LanguageModelOptions", .what = "bf16_autocast works on CUDA only",
                 .expected = "a CUDA device", .got = device.str(),
                 .remedy = "leave bf16_autocast off"});
  }
}

}  // namespace

Trunk::Trunk(const language::ModelConfig& config, const language::ModelWeights& weights,
             at::Device device, const LanguageModelOptions& options)
    : config_(config),
      options_(options),
      exact_(device.is_cpu() && !options.plain_operations),
      team_(options.threads > 0 ? options.threads : language::default_team_size()),
      ops_(team_),
      parameters_(learning_specs(config, options.lora), device),
      packer_(config, device, !exact_),
      functions_(exact_ ? exact_functions(ops_) : plain_functions()) {
  check(options, device);
  // Weights of another model are refused here, with all that does not fit.
  const language::ModelWeights checked = weights.checked(config_, "LanguageModel");
  if (options_.lora.rank != 0) {
    freeze(checked);
    initialise_adapters(parameters_, options_.seed);
  }
  for (std::size_t i = 0; i < parameters_.specs().size(); ++i) fill(i, checked);
  network_ = make_network(config_, {
      .weight = [this](const std::string& name) { return weight(name); },
      .adapter = [this](const std::string& module) { return adapter(module); }});
}

bool Trunk::learns(const std::string& name) const {
  return options_.lora.rank == 0 || name == kScore;
}

// Adapters, which the weights do not have, keep their initialisation.
void Trunk::fill(std::size_t index, const language::ModelWeights& weights) {
  const std::string& name = parameters_.specs()[index].name;
  if (!learns(name)) return;
  const TensorView& tensor = weights.require(name);
  if (tensor.dtype == DType::f32) {
    parameters_.value(index).copy_(view_of(tensor));
  } else {
    std::vector<float> values = language::to_f32(tensor);
    parameters_.value(index).copy_(at::from_blob(values.data(), tensor.shape, at::kFloat));
  }
}

void Trunk::freeze(const language::ModelWeights& weights) {
  frozen_owner_ = weights.as(DType::f32);
  for (const TensorView& tensor : frozen_owner_.tensors()) {
    frozen_[tensor.name] = view_of(tensor).to(parameters_.device());
  }
  for (const AdapterSite& site : adapter_sites(config_, options_.lora)) {
    const std::string name = site.module + ".weight";
    merged_.push_back({.name = name,
                       .frozen = view_of(frozen_owner_.require(name)),
                       .a = parameters_.value(parameters_.index(site.module + ".lora_A.weight")),
                       .b = parameters_.value(parameters_.index(site.module + ".lora_B.weight")),
                       .merged = {}});
    if (!exact_) continue;
    merged_.back().merged = at::empty_like(merged_.back().frozen);
    frozen_[name] = merged_.back().merged;  // what the forward pass multiplies with
  }
}

double Trunk::lora_scale() const {
  return options_.lora.alpha / static_cast<double>(options_.lora.rank);
}

// A learning weight: for LibTorch's operations a leaf that accumulates into the flat gradient.
Weight Trunk::learning(std::size_t index) const {
  if (exact_) return {parameters_.value(index), parameters_.gradient(index)};
  Weight weight{parameters_.value(index).detach(), parameters_.gradient(index)};
  weight.value.requires_grad_();
  weight.value.mutable_grad() = weight.gradient;
  return weight;
}

Weight Trunk::weight(const std::string& name) const {
  if (!learns(name)) return {frozen_.at(name), {}};
  return learning(parameters_.index(name));
}

Adapter Trunk::adapter(const std::string& module) const {
  if (options_.lora.rank == 0) return {};
  const auto& specs = parameters_.specs();
  const std::string first = module + ".lora_A.weight";
  const auto found = std::ranges::find(specs, first, &ParameterSpec::name);
  if (found == specs.end()) return {};
  const auto index = static_cast<std::size_t>(found - specs.begin());
  return {.a = learning(index), .b = learning(index + 1), .scale = lora_scale()};
}

void Trunk::merge(const Merged& site, const at::Tensor& to) const {
  const c10::NoGradGuard no_graph;
  merge_adapter(ops_, site.frozen, site.a.to(at::kCPU), site.b.to(at::kCPU), lora_scale(), to);
}

at::Tensor Trunk::hidden(const PackedTokens& packed) {
  const std::shared_ptr<const Batch> batch = packer_.pack(packed);
  if (exact_) {
    for (const Merged& site : merged_) merge(site, site.merged);
  }
  return forward_hidden(*functions_, network_, batch,
                        {options_.activation_checkpointing, options_.bf16_autocast});
}

language::ModelWeights Trunk::snapshot() const {
  const c10::NoGradGuard no_graph;
  const auto kept = std::make_shared<std::vector<at::Tensor>>();
  std::vector<TensorView> views;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    kept->push_back(tensor);
    views.push_back({name, DType::f32, tensor.sizes().vec(),
                     {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}});
  };
  for (std::size_t i = 0; i < parameters_.specs().size(); ++i) {
    const std::string& name = parameters_.specs()[i].name;
    if (!learns(name)) continue;
    add(name, parameters_.value(i).to(at::kCPU, /*non_blocking=*/false, /*copy=*/true));
  }
  for (const Merged& site : merged_) {
    const at::Tensor merged = at::empty_like(site.frozen);
    merge(site, merged);
    add(site.name, merged);
  }
  // What is frozen never changes and is shared.
  for (const TensorView& tensor : frozen_owner_.tensors()) {
    const bool there = learns(tensor.name) ||
                       std::ranges::find(merged_, tensor.name, &Merged::name) != merged_.end();
    if (!there) views.push_back(tensor);
  }
  using Owners = std::pair<std::shared_ptr<std::vector<at::Tensor>>, language::ModelWeights>;
  return language::ModelWeights(config_, std::move(views),
                                std::make_shared<Owners>(kept, frozen_owner_), "snapshot");
}

}  // namespace rl::lm
