#include "rl/language/preference_data.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "rl/core/error.h"
#include "src/language/data/example_line.h"

namespace rl::language {
namespace {

using Json = ExampleJson;

constexpr const char* kForm =
    R"({"prompt": ..., "chosen": ..., "rejected": ...}, all texts or all lists of messages)";

const Json& member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found != object.end()) return *found;
  refuse("the key '" + std::string(key) + "' is missing", kForm, keys_of(object));
}

void require_type(const Json& object, const char* key, Json::value_t wanted) {
  const Json& value = member(object, key);
  if (value.type() == wanted) return;
  refuse("'" + std::string(key) + "' is of another type than 'chosen'", kForm, value.type_name());
}

bool is_silent(const Json& message) {
  if (!message.is_object() || message.contains("tool_calls")) return false;
  const auto content = message.find("content");
  return content == message.end() || content->is_null() ||
         (content->is_string() && content->get_ref<const std::string&>().empty());
}

// What both sides say differently, and what comes before.
struct Sides {
  Json prompt, chosen, rejected;  // lists of messages
};

Sides conversations(const Json& object) {
  Sides sides{Json::array(), object["chosen"], object["rejected"]};
  for (const char* key : {"chosen", "rejected"}) {
    if (object[key].empty()) refuse("'" + std::string(key) + "' has no message", kForm);
  }
  if (object.contains("prompt")) {
    require_type(object, "prompt", Json::value_t::array);
    sides.prompt = object["prompt"];
    return sides;
  }
  const std::size_t most = std::min(sides.chosen.size(), sides.rejected.size()) - 1;
  while (sides.prompt.size() < most && sides.chosen[0] == sides.rejected[0]) {
    sides.prompt.push_back(sides.chosen[0]);
    sides.chosen.erase(std::size_t{0});
    sides.rejected.erase(std::size_t{0});
  }
  return sides;
}

void require_assistant(const Json& side, const char* key) {
  for (const Json* message : {&side.front(), &side.back()}) {
    if (role_of(*message) == "assistant") continue;
    refuse("'" + std::string(key) + "' is not the assistant's from first to last", kForm,
           message->dump().substr(0, 80));
  }
}

TrainingExample encode_side(const ExampleEncoder& encoder, const Json& prompt, const Json& side,
                            const std::string& tools) {
  Json messages = prompt;
  for (const Json& message : side) messages.push_back(message);
  TrainingExample example = encoder.encode_messages(messages.dump(), tools, prompt.size());
  // What a template writes behind the last turn is no part of a sampled completion.
  example.tokens.resize(example.answer_end);
  example.loss.resize(example.answer_end);
  return example;
}

// Both completions; none when one is empty.
using Completions = std::optional<std::pair<TrainingExample, TrainingExample>>;

Completions encode_texts(const ExampleEncoder& encoder, const Json& object) {
  require_type(object, "prompt", Json::value_t::string);
  const auto text = [&](const char* key) { return object[key].get<std::string>(); };
  if (text("chosen").empty() || text("rejected").empty()) return std::nullopt;
  return {{encoder.encode_completion(text("prompt"), text("chosen")),
           encoder.encode_completion(text("prompt"), text("rejected"))}};
}

Completions encode_conversations(const ExampleEncoder& encoder, const Json& object) {
  const Sides sides = conversations(object);
  require_assistant(sides.chosen, "chosen");
  require_assistant(sides.rejected, "rejected");
  if (is_silent(sides.chosen.back()) || is_silent(sides.rejected.back())) return std::nullopt;
  const std::string tools = object.contains("tools") ? object["tools"].dump() : "";
  return {{encode_side(encoder, sides.prompt, sides.chosen, tools),
           encode_side(encoder, sides.prompt, sides.rejected, tools)}};
}

double margin_of(const Json& object) {
  if (!object.contains("margin")) return 0.0;
  const Json& margin = object["margin"];
  if (margin.is_number() && std::isfinite(margin.get<double>())) return margin.get<double>();
  refuse("'margin' is not usable", "a finite number", margin.dump().substr(0, 80));
}

}  // namespace

PairEncoder::PairEncoder(ExampleEncoder encoder, const DataOptions& options)
    : encoder_(std::move(encoder)), options_(options) {}

std::optional<PreferencePair> PairEncoder::encode(std::string_view line,
                                                  ExcludedPairs& excluded) const {
  const Json object = parse_example(line);
  const Json& chosen = member(object, "chosen");
  if (!chosen.is_string() && !chosen.is_array()) {
    refuse("'chosen' is neither a text nor messages", kForm, chosen.type_name());
  }
  require_type(object, "rejected", chosen.type());
  PreferencePair pair{.margin = margin_of(object)};
  Completions both =
      chosen.is_string() ? encode_texts(encoder_, object) : encode_conversations(encoder_, object);
  if (!both) return ++excluded.empty, std::nullopt;
  std::tie(pair.chosen, pair.rejected) = std::move(*both);
  if (pair.chosen.tokens == pair.rejected.tokens) return ++excluded.identical, std::nullopt;
  pair.chosen.loss[0] = pair.rejected.loss[0] = 0;  // nothing predicts it
  return fits(pair) ? std::optional(std::move(pair)) : (++excluded.too_long, std::nullopt);
}

bool PairEncoder::fits(const PreferencePair& pair) const {
  const std::size_t longest = std::max(pair.chosen.tokens.size(), pair.rejected.tokens.size());
  if (longest <= options_.max_tokens) return true;
  if (options_.too_long != TooLong::error) return false;
  refuse("the pair is too long",
         "at most " + std::to_string(options_.max_tokens) + " tokens a side",
         std::to_string(longest), "shorten it, or let it be skipped");
}

PreferenceData read_preference_data(const std::filesystem::path& file, const PairEncoder& encoder,
                                    const DataOptions& options) {
  PreferenceData data;
  const LineCounts counts =
      read_example_lines(file, options.skip_broken_lines, [&](std::string_view line) {
        if (auto pair = encoder.encode(line, data.excluded)) data.pairs.push_back(std::move(*pair));
      });
  data.lines = counts.lines;
  data.broken = counts.broken;
  if (!data.pairs.empty()) return data;
  throw Error({.where = file.string(),
               .what = "there is no pair to learn from",
               .expected = std::string("lines such as ") + kForm,
               .got = data.lines == 0 ? "an empty file" : describe(data)});
}

std::string describe(const PreferenceData& data) {
  std::size_t tokens = 0;
  for (const PreferencePair& pair : data.pairs) tokens += pair.tokens();
  std::string text = grouped(data.pairs.size()) + " pairs, " + grouped(tokens) + " tokens";
  const auto left_out = [&](std::size_t count, const char* why) {
    if (count > 0) text += ", " + grouped(count) + " " + why + ", left out";
  };
  left_out(data.excluded.identical, "identical");
  left_out(data.excluded.empty, "with an empty completion");
  left_out(data.excluded.too_long, "too long");
  left_out(data.broken, "broken");
  return text;
}

}  // namespace rl::language
