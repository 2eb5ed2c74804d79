#include "src/text/pre_tokenizer.h"

#include "src/text/character_class.h"
#include "src/text/pre_tokenizer_steps.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

constexpr std::string_view kKinds =
    "ByteLevel, Split, Digits, Metaspace, Whitespace, WhitespaceSplit, Punctuation, Sequence";

}  // namespace

PreTokenizer PreTokenizer::from_json(const JsonNode& node) {
  PreTokenizer pre_tokenizer;
  if (!node.missing()) pre_tokenizer.add(node);
  return pre_tokenizer;
}

void PreTokenizer::add(const JsonNode& node) {
  const std::string kind = node["type"].string();
  if (kind == "Sequence") {
    const JsonNode steps = node["pretokenizers"];
    for (std::size_t i = 0; i < steps.array_size(); ++i) add(steps.at(i));
    return;
  }
  ends_with_bytes_ = false;
  if (kind == "ByteLevel") {
    add_byte_level(node);
  } else if (kind == "Split") {
    add_split(node);
  } else {
    add_simple(kind, node);
  }
}

void PreTokenizer::add_byte_level(const JsonNode& node) {
  if (node["add_prefix_space"].boolean_or(true)) {
    steps_.push_back(std::make_unique<PrefixSpaceStep>());
  }
  if (node["use_regex"].boolean_or(true)) {
    steps_.push_back(std::make_unique<ScanStep>(scanner_for(kGpt2Pattern)));
  }
  steps_.push_back(std::make_unique<ByteCharacterStep>());
  ends_with_bytes_ = true;
}

void PreTokenizer::add_split(const JsonNode& node) {
  const SplitBehavior behavior = split_behavior(node["behavior"]);
  const bool invert = node["invert"].boolean_or(false);
  const JsonNode regex = node["pattern"]["Regex"];
  const Scanner scanner = regex.missing() ? nullptr : scanner_for(regex.string());
  // The scanners' pieces cover the text and every one is a match: these keep all of them.
  const bool keeps_matches = behavior == SplitBehavior::isolated ||
                             (invert && behavior == SplitBehavior::removed);
  if (scanner != nullptr && keeps_matches) {
    steps_.push_back(std::make_unique<ScanStep>(scanner));
    return;
  }
  steps_.push_back(
      std::make_unique<PatternStep>(Pattern::from_json(node["pattern"]), behavior, invert));
}

void PreTokenizer::add_simple(const std::string& kind, const JsonNode& node) {
  if (kind == "Digits") {
    const bool one_by_one = node["individual_digits"].boolean_or(false);
    steps_.push_back(std::make_unique<CharacterStep>(
        &is_numeric, one_by_one ? SplitBehavior::isolated : SplitBehavior::contiguous));
  } else if (kind == "Punctuation") {
    const JsonNode behavior = node["behavior"];
    steps_.push_back(std::make_unique<CharacterStep>(
        &is_punctuation,
        behavior.missing() ? SplitBehavior::isolated : split_behavior(behavior)));
  } else if (kind == "WhitespaceSplit") {
    steps_.push_back(std::make_unique<CharacterStep>(&is_whitespace, SplitBehavior::removed));
  } else if (kind == "Whitespace") {
    const std::string word(kWordMembers);
    steps_.push_back(std::make_unique<PatternStep>(
        Pattern::regex("[" + word + "]+|[^" + word + "\\s]+"), SplitBehavior::removed, true));
  } else if (kind == "Metaspace") {
    const JsonNode replacement = node["replacement"];
    std::string text;
    append_utf8(text, replacement.missing() ? U'\u2581' : replacement.character());
    steps_.push_back(std::make_unique<MetaspaceStep>(std::move(text), metaspace_prepend(node),
                                                     node["split"].boolean_or(true)));
  } else {
    node["type"].unsupported("pre_tokenizer", kKinds);
  }
}

void PreTokenizer::apply(std::vector<Piece>& pieces, TextStore& store) const {
  std::vector<Piece> next;
  for (const auto& step : steps_) {
    next.clear();
    for (const Piece& piece : pieces) step->split(piece, next, store);
    pieces.swap(next);
  }
}

}  // namespace rl::text
