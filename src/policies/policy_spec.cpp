#include "rl/policies/policy_spec.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "rl/core/error.h"

namespace rl {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWhere = "policy description";
constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxHiddenLayers = 64;
constexpr std::int64_t kMaxWidth = 1 << 16;

constexpr std::array<std::pair<PolicyHead, const char*>, 4> kHeads = {{
    {PolicyHead::categorical, "categorical"},
    {PolicyHead::gaussian, "gaussian"},
    {PolicyHead::squashed_gaussian, "squashed_gaussian"},
    {PolicyHead::q_values, "q_values"},
}};
constexpr std::array<std::pair<Activation, const char*>, 2> kActivations = {{
    {Activation::tanh, "tanh"},
    {Activation::relu, "relu"},
}};

[[noreturn]] void fail(const std::string& what, const std::string& expected,
                       const std::string& got) {
  throw Error({.where = kWhere,
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "write the description with to_json of the same library version"});
}

template <class Value, std::size_t N>
const char* name_of(const std::array<std::pair<Value, const char*>, N>& table, Value value) {
  for (const auto& [known, text] : table) {
    if (known == value) return text;
  }
  fail("a value has no name", "a value of the enumeration",
       std::to_string(static_cast<int>(value)));
}

// Text for messages: short and printable whatever the input was.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

template <class Value, std::size_t N>
Value named_value(const std::array<std::pair<Value, const char*>, N>& table, const Json& json,
                  const char* field) {
  std::string names;
  for (const auto& [known, text] : table) {
    if (json == text) return known;
    names += (names.empty() ? "\"" : ", \"") + std::string(text) + "\"";
  }
  fail("unknown " + std::string(field), names, shown(json));
}

double finite_number(const Json& json, const char* field) {
  if (!json.is_number() || !std::isfinite(json.get<double>())) {
    fail(std::string(field) + " is not a number", "a finite number", shown(json));
  }
  return json.get<double>();
}

std::int64_t width(const Json& json) {
  const bool fits = json.is_number_unsigned() && json.get<std::uint64_t>() >= 1 &&
                    json.get<std::uint64_t>() <= std::uint64_t{kMaxWidth};
  if (!fits) fail("hidden holds a bad width", "1 to " + std::to_string(kMaxWidth), shown(json));
  return json.get<std::int64_t>();
}

std::vector<std::int64_t> widths(const Json& json) {
  if (!json.is_array() || json.size() > kMaxHiddenLayers) {
    fail("hidden is not a list of widths",
         "an array of at most " + std::to_string(kMaxHiddenLayers) + " integers", shown(json));
  }
  std::vector<std::int64_t> result;
  for (const Json& entry : json) result.push_back(width(entry));
  return result;
}

// Parses one flat object; a repeated key would otherwise hide the earlier one.
Json parse(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    fail("the JSON is too long", "at most " + std::to_string(kMaxJsonBytes) + " bytes",
         std::to_string(text.size()));
  }
  std::set<std::string> keys;
  std::string repeated;
  const auto watch = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1) {
      if (!keys.insert(parsed.get<std::string>()).second) repeated = shown(parsed);
    }
    return depth <= 2;
  };
  const Json json = Json::parse(text.begin(), text.end(), watch, false);
  if (!json.is_object()) {
    fail("not a JSON object", "{\"head\": ...}", shown(Json(text.substr(0, 60))));
  }
  if (!repeated.empty()) fail("a field is repeated", "every field once", repeated);
  return json;
}

const Json& field(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end()) fail("a field is missing", "\"" + std::string(name) + "\"", shown(json));
  return *found;
}

void reject_unknown_fields(const Json& json, const Json& known) {
  for (const auto& [name, value] : json.items()) {
    if (!known.contains(name)) fail("unknown field", "the fields of to_json", shown(Json(name)));
  }
}

Json as_json(const PolicySpec& policy) {
  return {{"head", name_of(kHeads, policy.head)},
          {"hidden", policy.hidden},
          {"activation", name_of(kActivations, policy.activation)},
          {"normalise_observations", policy.normalise_observations},
          {"observation_clip", policy.observation_clip},
          {"log_std_low", policy.log_std_low},
          {"log_std_high", policy.log_std_high}};
}

void check_numbers(const PolicySpec& policy) {
  if (policy.hidden.size() > kMaxHiddenLayers) {
    fail("too many hidden layers", "at most " + std::to_string(kMaxHiddenLayers),
         std::to_string(policy.hidden.size()));
  }
  for (const std::int64_t hidden : policy.hidden) {
    if (hidden < 1 || hidden > kMaxWidth) {
      fail("hidden holds a bad width", "1 to " + std::to_string(kMaxWidth),
           std::to_string(hidden));
    }
  }
  if (!std::isfinite(policy.observation_clip) || policy.observation_clip <= 0.0) {
    fail("observation_clip is not positive", "a finite number above 0",
         std::to_string(policy.observation_clip));
  }
  const bool ordered = std::isfinite(policy.log_std_low) && std::isfinite(policy.log_std_high) &&
                       policy.log_std_low <= policy.log_std_high;
  if (!ordered) {
    fail("the log_std limits are reversed or not finite", "log_std_low <= log_std_high",
         std::to_string(policy.log_std_low) + " and " + std::to_string(policy.log_std_high));
  }
}

[[noreturn]] void misfit(const EnvironmentSpec& spec, const std::string& what,
                         const std::string& expected, const std::string& got) {
  throw Error({.where = "policy for '" + spec.name + "'",
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "choose a head that fits the environment's action (categorical or "
                         "q_values when discrete, gaussian or squashed_gaussian when continuous)"});
}

void check_observations(const EnvironmentSpec& spec) {
  for (const TensorSpec& tensor : spec.observations) {
    if (tensor.dtype == DType::f16 || tensor.dtype == DType::bf16) {
      misfit(spec, "observation " + tensor.name + " has an element type no policy reads",
             "u8, i32, i64, f32 or f64", std::string(name(tensor.dtype)));
    }
  }
  if (num_inputs(spec) == 0) {
    misfit(spec, "nothing but the action mask is observed", "an observation", "none");
  }
}

void check_bounds(const EnvironmentSpec& spec, const TensorSpec& action) {
  for (std::size_t i = 0; i < action.num_elements(); ++i) {
    const double low = action.low_at(i);
    const double high = action.high_at(i);
    if (std::isfinite(low) && std::isfinite(high) && low < high) continue;
    misfit(spec, "squashed_gaussian needs bounds on " + action.name, "finite low < high",
           std::to_string(low) + " to " + std::to_string(high));
  }
}

}  // namespace

std::int64_t num_inputs(const EnvironmentSpec& spec) {
  std::int64_t total = 0;
  for (const TensorSpec& tensor : spec.observations) {
    if (tensor.name != kActionMaskName) total += static_cast<std::int64_t>(tensor.num_elements());
  }
  return total;
}

std::int64_t num_outputs(const PolicySpec& policy, const EnvironmentSpec& spec) {
  const TensorSpec& action = spec.actions.at(0);
  const auto elements = static_cast<std::int64_t>(action.num_elements());
  switch (policy.head) {
    case PolicyHead::gaussian: return elements;
    case PolicyHead::squashed_gaussian: return 2 * elements;
    case PolicyHead::categorical:
    case PolicyHead::q_values: break;
  }
  std::int64_t categories = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    categories += action.num_categories(static_cast<std::size_t>(i));
  }
  return categories;
}

std::string to_json(const PolicySpec& policy) {
  check_numbers(policy);
  return as_json(policy).dump();
}

PolicySpec policy_spec_from_json(std::string_view text) {
  const Json json = parse(text);
  reject_unknown_fields(json, as_json({}));
  PolicySpec policy;
  policy.head = named_value(kHeads, field(json, "head"), "head");
  policy.hidden = widths(field(json, "hidden"));
  policy.activation = named_value(kActivations, field(json, "activation"), "activation");
  const Json& normalise = field(json, "normalise_observations");
  if (!normalise.is_boolean()) {
    fail("normalise_observations is not a flag", "true or false", shown(normalise));
  }
  policy.normalise_observations = normalise.get<bool>();
  policy.observation_clip = finite_number(field(json, "observation_clip"), "observation_clip");
  policy.log_std_low = finite_number(field(json, "log_std_low"), "log_std_low");
  policy.log_std_high = finite_number(field(json, "log_std_high"), "log_std_high");
  check_numbers(policy);
  return policy;
}

void validate(const PolicySpec& policy, const EnvironmentSpec& spec) {
  validate(spec);
  check_numbers(policy);
  check_observations(spec);
  if (spec.actions.size() != 1) {
    misfit(spec, "a network policy takes one action tensor", "1 tensor",
           std::to_string(spec.actions.size()));
  }
  const TensorSpec& action = spec.actions[0];
  const bool discrete_head =
      policy.head == PolicyHead::categorical || policy.head == PolicyHead::q_values;
  const bool continuous = action.dtype == DType::f32 || action.dtype == DType::f64;
  if (discrete_head ? !action.is_discrete() : !continuous) {
    misfit(spec, std::string("head ") + name_of(kHeads, policy.head) + " does not fit action " +
                     action.name,
           discrete_head ? "i32 or i64" : "f32 or f64", std::string(name(action.dtype)));
  }
  if (policy.head == PolicyHead::squashed_gaussian) check_bounds(spec, action);
}

}  // namespace rl
