#include "rl/models/language_model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "rl/core/error.h"
#include "rl/language/thread_team.h"
#include "src/models/language/adapters.h"
#include "src/models/language/packing.h"
#include "src/models/language/transformer_layers.h"

namespace rl {
namespace {

constexpr std::int64_t kChunkBytes = 64 << 20;  // of logits

at::Tensor view_of(const TensorView& tensor) {
  return at::from_blob(const_cast<std::byte*>(tensor.data.data()), tensor.shape, at::kFloat);
}

std::vector<ParameterSpec> weight_specs(const language::ModelConfig& config) {
  std::vector<ParameterSpec> specs;
  for (const language::ParameterSpec& spec : language::model_parameters(config)) {
    specs.push_back({spec.name, spec.shape});
  }
  return specs;
}

std::vector<ParameterSpec> learning_specs(const language::ModelConfig& config,
                                          const LoraOptions& lora) {
  language::validate(config);
  if (lora.rank == 0) return weight_specs(config);
  return lm::adapter_parameters(lm::adapter_sites(config, lora), lora.rank);
}

void check(const LanguageModelOptions& options, at::Device device) {
  if (options.bf16_autocast && !device.is_cuda()) {
    throw Error({.where = "LanguageModelOptions", .what = "bf16_autocast works on CUDA only",
                 .expected = "a CUDA device", .got = device.str(),
                 .remedy = "leave bf16_autocast off"});
  }
}

}  // namespace

struct LanguageModel::Implementation {
  // A frozen matrix, and itself with its adapter added.
  struct Merged {
    std::string name;
    at::Tensor frozen, a, b, merged;
  };

  language::ModelConfig config;
  LanguageModelOptions options;
  bool exact;
  language::ThreadTeam team;
  language::Ops ops;
  Parameters parameters;
  language::ModelWeights frozen_owner;         // with adapters: the weights as f32
  std::map<std::string, at::Tensor> frozen;    // with adapters, on the model's device
  std::vector<Merged> merged;                  // with adapters
  lm::Packer packer;
  std::unique_ptr<lm::Functions> functions;
  lm::Network network;

  Implementation(const language::ModelConfig& model, const language::ModelWeights& weights,
                 at::Device device, const LanguageModelOptions& wanted)
      : config(model),
        options(wanted),
        exact(device.is_cpu() && !wanted.plain_operations),
        team(wanted.threads > 0 ? wanted.threads : language::default_team_size()),
        ops(team),
        parameters(learning_specs(model, wanted.lora), device),
        packer(model, device, !exact),
        functions(exact ? lm::exact_functions(ops) : lm::plain_functions()) {
    check(options, device);
    // Weights of another model are refused here, with all that does not fit.
    const language::ModelWeights checked(config, weights.tensors(),
                                         std::make_shared<language::ModelWeights>(weights),
                                         "LanguageModel");
    if (options.lora.rank == 0) {
      for (std::size_t i = 0; i < parameters.specs().size(); ++i) fill(i, checked);
    } else {
      freeze(checked);
      lm::initialise_adapters(parameters, options.seed);
    }
    network = lm::make_network(config, {
        .weight = [this](const std::string& name) { return weight(name); },
        .adapter = [this](const std::string& module) { return adapter(module); }});
  }

  void fill(std::size_t index, const language::ModelWeights& weights) {
    const TensorView& tensor = weights.require(parameters.specs()[index].name);
    if (tensor.dtype == DType::f32) {
      parameters.value(index).copy_(view_of(tensor));
    } else {
      std::vector<float> values = language::to_f32(tensor);
      parameters.value(index).copy_(at::from_blob(values.data(), tensor.shape, at::kFloat));
    }
  }

  void freeze(const language::ModelWeights& weights) {
    frozen_owner = weights.as(DType::f32);
    for (const TensorView& tensor : frozen_owner.tensors()) {
      frozen[tensor.name] = view_of(tensor).to(parameters.device());
    }
    for (const lm::AdapterSite& site : lm::adapter_sites(config, options.lora)) {
      const std::string name = site.module + ".weight";
      merged.push_back({.name = name,
                        .frozen = view_of(frozen_owner.require(name)),
                        .a = parameters.value(parameters.index(site.module + ".lora_A.weight")),
                        .b = parameters.value(parameters.index(site.module + ".lora_B.weight")),
                        .merged = {}});
      if (!exact) continue;
      merged.back().merged = at::empty_like(merged.back().frozen);
      frozen[name] = merged.back().merged;  // what the forward pass multiplies with
    }
  }

  double lora_scale() const {
    return options.lora.alpha / static_cast<double>(options.lora.rank);
  }

  // A learning weight: for LibTorch's operations a leaf that accumulates into the flat gradient.
  lm::Weight learning(std::size_t index) const {
    if (exact) return {parameters.value(index), parameters.gradient(index)};
    lm::Weight weight{parameters.value(index).detach(), parameters.gradient(index)};
    weight.value.requires_grad_();
    weight.value.mutable_grad() = weight.gradient;
    return weight;
  }

  lm::Weight weight(const std::string& name) {
    if (options.lora.rank > 0) return {frozen.at(name), {}};
    if (name == "model.embed_tokens.weight" && network.embedding.value.defined()) {
      return network.embedding;
    }
    return learning(parameters.index(name));
  }

  lm::Adapter adapter(const std::string& module) const {
    if (options.lora.rank == 0) return {};
    const auto& specs = parameters.specs();
    const std::string first = module + ".lora_A.weight";
    const auto found = std::ranges::find(specs, first, &ParameterSpec::name);
    if (found == specs.end()) return {};
    const auto index = static_cast<std::size_t>(found - specs.begin());
    return {.a = learning(index), .b = learning(index + 1), .scale = lora_scale()};
  }

  void merge(const Merged& site, const at::Tensor& to) const {
    const c10::NoGradGuard no_graph;
    lm::merge_adapter(ops, site.frozen, site.a.to(at::kCPU), site.b.to(at::kCPU), lora_scale(), to);
  }

  std::int64_t chunk_rows() const {
    if (options.head_chunk_tokens > 0) return static_cast<std::int64_t>(options.head_chunk_tokens);
    const auto row = static_cast<std::int64_t>(config.vocabulary * sizeof(float));
    return std::max<std::int64_t>(1, kChunkBytes / row);
  }
};

LanguageModel::LanguageModel(const language::ModelConfig& config,
                             const language::ModelWeights& weights, at::Device device,
                             const LanguageModelOptions& options)
    : implementation_(std::make_unique<Implementation>(config, weights, device, options)) {}

LanguageModel::~LanguageModel() = default;

Parameters& LanguageModel::parameters() { return implementation_->parameters; }
const Parameters& LanguageModel::parameters() const { return implementation_->parameters; }
const language::ModelConfig& LanguageModel::config() const { return implementation_->config; }
const LanguageModelOptions& LanguageModel::options() const { return implementation_->options; }

at::Tensor LanguageModel::hidden(const PackedTokens& packed) const {
  Implementation& model = *implementation_;
  const std::shared_ptr<const lm::Batch> batch = model.packer.pack(packed);
  if (model.exact) {
    for (const Implementation::Merged& site : model.merged) model.merge(site, site.merged);
  }
  return lm::forward_hidden(*model.functions, model.network, batch,
                            {model.options.activation_checkpointing, model.options.bf16_autocast});
}

TokenLogProbs LanguageModel::token_log_probs(const at::Tensor& hidden, const at::Tensor& targets,
                                             double temperature) const {
  const Implementation& model = *implementation_;
  const auto width = static_cast<std::int64_t>(model.config.hidden);
  const auto vocabulary = static_cast<std::int64_t>(model.config.vocabulary);
  if (hidden.dim() != 2 || hidden.size(1) != width || targets.dim() != 1 ||
      targets.size(0) != hidden.size(0) || targets.scalar_type() != at::kLong) {
    throw Error({.where = "LanguageModel::token_log_probs",
                 .what = "hidden or targets of another shape or type",
                 .expected = "hidden [N, " + std::to_string(width) + "] f32 and targets [N] i64",
                 .got = hidden.toString() + " with " + std::to_string(hidden.numel()) +
                        " elements and " + std::to_string(targets.numel()) + " targets"});
  }
  if (!(temperature > 0.0) || !std::isfinite(temperature)) {
    throw Error({.where = "LanguageModel::token_log_probs", .what = "temperature out of range",
                 .expected = "above 0: at 0 there is no distribution",
                 .got = std::to_string(temperature)});
  }
  if (targets.numel() > 0 && targets.max().item<std::int64_t>() >= vocabulary) {
    throw Error({.where = "LanguageModel::token_log_probs",
                 .what = "a target is outside the vocabulary",
                 .expected = "at most " + std::to_string(vocabulary - 1) + ", or negative to leave "
                             "the row out",
                 .got = std::to_string(targets.max().item<std::int64_t>())});
  }
  return model.functions->score(hidden.contiguous(), targets.contiguous().to(hidden.device()),
                                model.network.head, static_cast<float>(1.0 / temperature),
                                model.chunk_rows());
}

language::ModelWeights LanguageModel::snapshot() const {
  const Implementation& model = *implementation_;
  const c10::NoGradGuard no_graph;
  const auto kept = std::make_shared<std::vector<at::Tensor>>();
  std::vector<TensorView> views;
  const auto add = [&](const std::string& name, const at::Tensor& tensor) {
    kept->push_back(tensor);
    views.push_back({name, DType::f32, tensor.sizes().vec(),
                     {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()}});
  };
  if (model.options.lora.rank == 0) {
    for (std::size_t i = 0; i < model.parameters.specs().size(); ++i) {
      add(model.parameters.specs()[i].name,
          model.parameters.value(i).to(at::kCPU, /*non_blocking=*/false, /*copy=*/true));
    }
    return language::ModelWeights(model.config, std::move(views), kept, "snapshot");
  }
  // What is frozen never changes and is shared.
  for (const TensorView& tensor : model.frozen_owner.tensors()) {
    const auto site = std::ranges::find(model.merged, tensor.name, &Implementation::Merged::name);
    if (site == model.merged.end()) {
      views.push_back(tensor);
      continue;
    }
    const at::Tensor merged = at::empty_like(site->frozen);
    model.merge(*site, merged);
    add(tensor.name, merged);
  }
  using Owners = std::pair<std::shared_ptr<std::vector<at::Tensor>>, language::ModelWeights>;
  return language::ModelWeights(model.config, std::move(views),
                                std::make_shared<Owners>(kept, model.frozen_owner), "snapshot");
}

}  // namespace rl
