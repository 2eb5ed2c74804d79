#include "rl/algorithms/language_options.h"

#include <map>
#include <vector>

#include "rl/core/error.h"
#include "rl/core/suggest.h"

namespace rl {
namespace {

const std::map<std::string, Baseline> kBaselines{{"group-std", Baseline::group_std},
                                                 {"group-mean", Baseline::group_mean},
                                                 {"batch-std", Baseline::batch_std},
                                                 {"leave-one-out", Baseline::leave_one_out},
                                                 {"whitened", Baseline::whitened}};
const std::map<std::string, Aggregation> kAggregations{
    {"sequence-mean", Aggregation::sequence_mean},
    {"token-mean", Aggregation::token_mean},
    {"constant-length", Aggregation::constant_length},
    {"micro-batch-mean", Aggregation::micro_batch_mean}};

template <class Value>
Value find(const std::map<std::string, Value>& table, const std::string& what,
           const std::string& name) {
  const auto found = table.find(name);
  if (found != table.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : table) names.push_back(known);
  throw Error({.where = "LanguagePolicyOptions",
               .what = "there is no " + what + " '" + name + "'",
               .remedy = suggest(name, names)});
}

void require(bool right, const std::string& field, const char* expected, double got) {
  if (right) return;
  throw Error({.where = "LanguagePolicyOptions::" + field,
               .what = "the value is out of range",
               .expected = expected,
               .got = std::to_string(got)});
}

const std::map<std::string, LanguagePolicyOptions>& presets() {
  static const std::map<std::string, LanguagePolicyOptions> table = [] {
    std::map<std::string, LanguagePolicyOptions> all;
    LanguagePolicyOptions& grpo = all["grpo"];
    grpo.aggregation = Aggregation::sequence_mean;
    LanguagePolicyOptions& dr_grpo = all["dr-grpo"];
    dr_grpo.baseline = Baseline::group_mean;
    dr_grpo.aggregation = Aggregation::constant_length;
    LanguagePolicyOptions& dapo = all["dapo"];
    dapo.aggregation = Aggregation::token_mean;
    dapo.clip_high = 0.28;
    dapo.drop_zero_variance = true;
    LanguagePolicyOptions& rloo = all["rloo"];
    rloo.baseline = Baseline::leave_one_out;
    rloo.kl_in_reward = true;
    LanguagePolicyOptions& reinforce = all["reinforce++"];
    reinforce.baseline = Baseline::whitened;
    reinforce.kl_in_reward = true;
    LanguagePolicyOptions& gspo = all["gspo"];
    gspo.ratio = RatioForm::sequence_clip;
    gspo.aggregation = Aggregation::sequence_mean;
    gspo.clip_low = 3e-4;
    gspo.clip_high = 4e-4;
    LanguagePolicyOptions& cispo = all["cispo"];
    cispo.ratio = RatioForm::truncated;
    LanguagePolicyOptions& ppo = all["ppo"];
    ppo.baseline = Baseline::critic;
    ppo.kl_in_reward = true;
    ppo.kl_coefficient = 0.05;
    ppo.epochs = 4;
    return all;
  }();
  return table;
}

}  // namespace

LanguagePolicyOptions language_policy_preset(const std::string& name) {
  const auto found = presets().find(name);
  if (found != presets().end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, options] : presets()) names.push_back(known);
  throw Error({.where = "language_policy_preset",
               .what = "there is no algorithm '" + name + "'",
               .remedy = suggest(name, names)});
}

void validate(const LanguagePolicyOptions& options) {
  require(options.std_epsilon >= 0.0, "std_epsilon", "0 or more", options.std_epsilon);
  require(options.clip_low > 0.0 && options.clip_low <= 1.0, "clip_low", "above 0, at most 1",
          options.clip_low);
  require(options.clip_high > 0.0, "clip_high", "more than 0", options.clip_high);
  require(options.dual_clip == 0.0 || options.dual_clip > 1.0, "dual_clip", "0, or more than 1",
          options.dual_clip);
  require(options.truncation_cap > 0.0, "truncation_cap", "more than 0", options.truncation_cap);
  require(options.importance_cap >= 0.0, "importance_cap", "0 or more", options.importance_cap);
  require(options.kl_coefficient >= 0.0, "kl_coefficient", "0 or more", options.kl_coefficient);
  require(options.epochs > 0, "epochs", "at least 1", 0.0);
  require(options.minibatches > 0, "minibatches", "at least 1", 0.0);
}

void validate(const LanguageCriticOptions& options) {
  const auto within_one = [](const char* field, double value) {
    require(value >= 0.0 && value <= 1.0, field, "0 to 1", value);
  };
  within_one("critic.discount", options.discount);
  within_one("critic.lambda", options.lambda);
  within_one("critic.value_lambda", options.value_lambda);
  require(options.value_clip >= 0.0, "critic.value_clip", "0 or more", options.value_clip);
  require(options.missing_stop_penalty >= 0.0, "critic.missing_stop_penalty", "0 or more",
          options.missing_stop_penalty);
}

Baseline baseline_from(const std::string& name) {
  return find(kBaselines, "baseline", name);
}

Aggregation aggregation_from(const std::string& name) {
  return find(kAggregations, "aggregation", name);
}

}  // namespace rl
