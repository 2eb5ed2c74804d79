#include "src/models/language/adapters.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "rl/core/error.h"
#include "rl/core/rng.h"
#include "src/models/language/products.h"

namespace rl::lm {
namespace {

constexpr std::string_view kWeight = ".weight";

std::string last_part(const std::string& module) {
  return module.substr(module.rfind('.') + 1);
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The matrices inside the layers.
std::vector<AdapterSite> all_sites(const language::ModelConfig& config) {
  std::vector<AdapterSite> sites;
  for (const language::ParameterSpec& spec : language::model_parameters(config)) {
    if (spec.shape.size() != 2 || !spec.name.starts_with("model.layers.")) continue;
    sites.push_back({spec.name.substr(0, spec.name.size() - kWeight.size()), spec.shape[0],
                     spec.shape[1]});
  }
  return sites;
}

void check(const LoraOptions& options) {
  if (options.rank >= 1 && options.alpha > 0.0 && std::isfinite(options.alpha)) return;
  throw Error({.where = "LoraOptions", .what = "rank or alpha out of range",
               .expected = "rank of at least 1, alpha above 0",
               .got = "rank " + std::to_string(options.rank) + ", alpha " +
                      std::to_string(options.alpha)});
}

}  // namespace

std::vector<AdapterSite> adapter_sites(const language::ModelConfig& config,
                                       const LoraOptions& options) {
  check(options);
  const std::vector<AdapterSite> all = all_sites(config);
  std::set<std::string> known;
  for (const AdapterSite& site : all) known.insert(last_part(site.module));
  for (const std::string& target : options.targets) {
    if (known.contains(target)) continue;
    throw Error({.where = "LoraOptions", .what = "the model has no such target",
                 .expected = listed(known), .got = target});
  }
  std::vector<AdapterSite> sites;
  for (const AdapterSite& site : all) {
    if (std::ranges::find(options.targets, last_part(site.module)) != options.targets.end()) {
      sites.push_back(site);
    }
  }
  if (sites.empty()) {
    throw Error({.where = "LoraOptions", .what = "no target", .expected = listed(known)});
  }
  return sites;
}

std::vector<ParameterSpec> adapter_parameters(const std::vector<AdapterSite>& sites,
                                              std::int64_t rank) {
  std::vector<ParameterSpec> specs;
  for (const AdapterSite& site : sites) {
    specs.push_back({site.module + ".lora_A.weight", {rank, site.inputs}});
    specs.push_back({site.module + ".lora_B.weight", {site.outputs, rank}});
  }
  return specs;
}

void initialise_adapters(Parameters& parameters, std::uint64_t seed) {
  for (std::size_t index = 0; index < parameters.specs().size(); ++index) {
    const ParameterSpec& spec = parameters.specs()[index];
    if (spec.name.ends_with(".lora_B.weight")) continue;
    RngStream stream(seed, RngRole::initialisation, index);
    const double bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]));
    const at::Tensor values = parameters.value(index).to(at::kCPU);
    float* data = values.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      data[i] = static_cast<float>(stream.uniform(-bound, bound));
    }
    parameters.value(index).copy_(values);
  }
}

void merge_adapter(const language::Ops& ops, const at::Tensor& frozen, const at::Tensor& a,
                   const at::Tensor& b, double scale, const at::Tensor& merged) {
  const at::Tensor scaled = b.mul(scale).contiguous();
  const at::Tensor transposed = a.t().contiguous();  // [inputs, rank]: rows of weights
  multiply(ops, scaled, transposed, {}, merged);
  float* to = merged.mutable_data_ptr<float>();
  ops.add(frozen.const_data_ptr<float>(), to, static_cast<std::size_t>(merged.numel()), to);
}

}  // namespace rl::lm
