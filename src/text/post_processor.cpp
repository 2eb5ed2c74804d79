#include "src/text/post_processor.h"

namespace rl::text {
namespace {

TokenId checked_id(const JsonNode& node, std::size_t end) {
  if (end == 0) node.fail("no token has this id");
  return static_cast<TokenId>(node.integer(0, static_cast<std::int64_t>(end) - 1));
}

}  // namespace

PostProcessor PostProcessor::from_json(const JsonNode& node, std::size_t end) {
  PostProcessor processor;
  if (!node.missing()) processor.add(node, end);
  return processor;
}

void PostProcessor::add(const JsonNode& node, std::size_t end) {
  const JsonNode type = node["type"];
  const std::string kind = type.string();
  if (kind == "Sequence") {
    const JsonNode steps = node["processors"];
    for (std::size_t i = 0; i < steps.array_size(); ++i) add(steps.at(i), end);
  } else if (kind == "TemplateProcessing") {
    steps_.push_back(template_step(node, end));
  } else if (kind == "RobertaProcessing" || kind == "BertProcessing") {
    const auto id = [&](std::string_view name) {
      if (node[name].array_size() != 2) node[name].fail("not a token", "[content, id]");
      return checked_id(node[name].at(1), end);
    };
    steps_.push_back({{id("cls")}, {id("sep")}});
  } else if (kind != "ByteLevel") {  // which changes offsets, not ids
    type.unsupported(
        "post_processor",
        "TemplateProcessing, ByteLevel, RobertaProcessing, BertProcessing, Sequence");
  }
}

PostProcessor::Step PostProcessor::template_step(const JsonNode& node, std::size_t end) const {
  Step step;
  bool text_seen = false;
  const JsonNode pieces = node["single"];
  for (std::size_t i = 0; i < pieces.array_size(); ++i) {
    const JsonNode special = pieces.at(i)["SpecialToken"];
    if (special.missing()) {
      const JsonNode sequence = pieces.at(i)["Sequence"]["id"];
      if (text_seen || sequence.string() != "A") {
        sequence.fail("a template for one text names it once", "A", sequence.string());
      }
      text_seen = true;
      continue;
    }
    const JsonNode ids = node["special_tokens"][special["id"].string()]["ids"];
    auto& side = text_seen ? step.after : step.before;
    for (std::size_t k = 0; k < ids.array_size(); ++k) {
      side.push_back(checked_id(ids.at(k), end));
      if (side.size() > kMaxTemplateIds) {
        ids.fail("too many special tokens", "at most " + std::to_string(kMaxTemplateIds));
      }
    }
  }
  if (!text_seen) {
    pieces.fail("the template leaves out the text", "{\"Sequence\": {\"id\": \"A\"}}");
  }
  return step;
}

std::vector<TokenId> PostProcessor::apply(std::vector<TokenId> ids,
                                          bool add_special_tokens) const {
  if (!add_special_tokens) return ids;
  for (const Step& step : steps_) {
    ids.insert(ids.begin(), step.before.begin(), step.before.end());
    ids.insert(ids.end(), step.after.begin(), step.after.end());
  }
  return ids;
}

}  // namespace rl::text
