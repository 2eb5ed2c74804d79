#include "rollout/text_player.h"

#include <algorithm>
#include <span>

#include "rl/core/error.h"
#include "rl/language/arithmetic.h"

namespace rl::rollout {
namespace {

using language::FinishReason;
using language::GeneratedToken;
using language::TokenId;

// Turn t of a text draws from a stream of its own: the generator counts from the turn's beginning.
constexpr unsigned kTurnShift = 48;

class Calculator final : public TextTool {
 public:
  std::optional<std::string> reply(std::string_view words) const override {
    if (!words.ends_with('=')) return std::nullopt;
    const std::size_t call = words.rfind("<<");
    if (call == std::string_view::npos) return std::nullopt;
    const std::string_view sum = words.substr(call + 2, words.size() - call - 3);
    const auto value = language::evaluate_arithmetic(sum);
    if (!value) return std::nullopt;
    return to_string(*value) + ">>";
  }
};

}  // namespace

std::unique_ptr<TextTool> make_text_tool(const std::string& name) {
  if (name.empty()) return nullptr;
  if (name == "calculator") return std::make_unique<Calculator>();
  throw Error({.where = "text run", .what = "there is no tool of this name",
               .expected = "calculator", .got = "'" + name + "'"});
}

TextPlayer::TextPlayer(language::TextGenerator& generator, const text::Tokenizer& tokenizer,
                       PlayRules rules, std::unique_ptr<TextTool> tool)
    : generator_(generator),
      tokenizer_(tokenizer),
      rules_(std::move(rules)),
      tool_(std::move(tool)) {}

void TextPlayer::begin(const std::vector<TokenId>& prompt, std::size_t count, std::uint64_t stream,
                       std::uint64_t version) {
  const std::uint64_t request = next_request_++;
  generator_.submit({.id = request,
                     .prompt = prompt,
                     .num_samples = count,
                     .max_new_tokens = rules_.max_new_tokens,
                     .sampling = rules_.sampling,
                     .stop_ids = rules_.stop_ids,
                     .seed = rules_.seed,
                     .stream = stream});
  PlayedText text;
  text.prompt_tokens = text.turn_begin = prompt.size();
  text.tokens = prompt;
  text.sampled.assign(prompt.size(), 0);
  text.log_probs.assign(prompt.size(), 0.0F);
  text.versions.assign(prompt.size(), static_cast<std::int64_t>(version));
  for (std::size_t sample = 0; sample < count; ++sample) {
    text.stream = stream + sample;
    playing_[{request, sample}] = {text, request, sample};
  }
}

std::vector<PlayedText> TextPlayer::step() {
  std::vector<PlayedText> ended;
  for (const GeneratedToken& token : generator_.step()) {
    if (auto text = accept(token)) ended.push_back(std::move(*text));
  }
  return ended;
}

std::optional<PlayedText> TextPlayer::accept(const GeneratedToken& token) {
  const auto found = playing_.find({token.request, token.sample});
  PlayedText& text = found->second.text;
  text.tokens.push_back(token.token);
  text.sampled.push_back(1);
  text.log_probs.push_back(token.policy_log_prob);
  text.versions.push_back(static_cast<std::int64_t>(token.weight_version));
  if (token.last) {
    text.reason = token.reason;
    return std::move(playing_.extract(found).mapped().text);
  }
  const auto reply = tool_tokens(text);
  if (!reply) return std::nullopt;
  generator_.cancel(token.request, token.sample);
  return go_on(std::move(playing_.extract(found).mapped()), *reply);
}

std::optional<std::vector<TokenId>> TextPlayer::tool_tokens(const PlayedText& text) const {
  if (!tool_) return std::nullopt;
  const auto turn = std::span(text.tokens).subspan(text.turn_begin);
  const auto reply = tool_->reply(tokenizer_.decode(turn));
  if (!reply) return std::nullopt;
  return tokenizer_.encode_plain(*reply);
}

// The tool's tokens are part of the text; the policy goes on behind them with a request of its own,
// unless there is no room for a token of it.
std::optional<PlayedText> TextPlayer::go_on(Playing playing, const std::vector<TokenId>& reply) {
  PlayedText& text = playing.text;
  const std::size_t room = rules_.max_new_tokens - text.completion_tokens();
  if (reply.size() >= room) {
    text.reason = FinishReason::length;
    return std::move(text);
  }
  const std::int64_t version = text.versions.back();
  text.tokens.insert(text.tokens.end(), reply.begin(), reply.end());
  text.sampled.resize(text.tokens.size(), 0);
  text.log_probs.resize(text.tokens.size(), 0.0F);
  text.versions.resize(text.tokens.size(), version);
  text.turn_begin = text.tokens.size();
  ++text.turns;
  playing.request = next_request_++;
  playing.sample = 0;
  generator_.submit({.id = playing.request,
                     .prompt = text.tokens,
                     .max_new_tokens = room - reply.size(),
                     .sampling = rules_.sampling,
                     .stop_ids = rules_.stop_ids,
                     .seed = rules_.seed,
                     .stream = text.stream + (text.turns << kTurnShift)});
  playing_[{playing.request, 0}] = std::move(playing);
  return std::nullopt;
}

void TextPlayer::abandon() {
  for (const auto& [key, playing] : playing_) generator_.cancel(key.first);
  playing_.clear();
}

std::string TextPlayer::completion(const PlayedText& text) const {
  auto tokens = std::span(text.tokens).subspan(text.prompt_tokens);
  const bool stopped = text.reason == FinishReason::stop && !tokens.empty();
  if (stopped) tokens = tokens.first(tokens.size() - 1);
  return tokenizer_.decode(tokens);
}

}  // namespace rl::rollout
