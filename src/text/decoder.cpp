#include "src/text/decoder.h"

#include <utility>

#include "src/text/decoder_steps.h"
#include "src/text/pre_tokenizer_steps.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

constexpr std::string_view kKinds =
    "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, Sequence";

std::string as_text(char32_t code) {
  std::string text;
  append_utf8(text, code);
  return text;
}

}  // namespace

class Decoding::Output : public DecodeStep {
 public:
  void part(std::string_view text) override { text_ += text; }
  void end_token() override {}
  void finish() override {}
  std::string take() { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

Decoding::Decoding(std::vector<std::unique_ptr<DecodeStep>> steps)
    : output_(std::make_unique<Output>()), steps_(std::move(steps)) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    steps_[i]->set_next(i + 1 < steps_.size() ? steps_[i + 1].get() : output_.get());
  }
}

Decoding::~Decoding() = default;

void Decoding::push(std::string_view token) {
  DecodeStep& first = steps_.empty() ? *output_ : *steps_.front();
  first.part(token);
  first.end_token();
}

void Decoding::finish() {
  if (!steps_.empty()) steps_.front()->finish();
}

std::string Decoding::take() { return output_->take(); }

Decoder Decoder::from_json(const JsonNode& node) {
  Decoder decoder;
  if (node.missing()) {
    decoder.makers_.push_back([] { return std::make_unique<JoinStep>(); });
  } else {
    decoder.add(node);
  }
  return decoder;
}

std::unique_ptr<Decoding> Decoder::start() const {
  std::vector<std::unique_ptr<DecodeStep>> steps;
  for (const Maker& make : makers_) steps.push_back(make());
  return std::make_unique<Decoding>(std::move(steps));
}

void Decoder::add(const JsonNode& node) {
  const JsonNode type = node["type"];
  const std::string kind = type.string();
  const auto map = [this](MapStep::Function function) {
    makers_.push_back([function = std::move(function)] {
      return std::make_unique<MapStep>(function);
    });
  };
  if (kind == "Sequence") {
    const JsonNode steps = node["decoders"];
    for (std::size_t i = 0; i < steps.array_size(); ++i) add(steps.at(i));
  } else if (kind == "ByteLevel") {
    makers_.push_back([] { return std::make_unique<ByteLevelStep>(); });
  } else if (kind == "ByteFallback") {
    makers_.push_back([] { return std::make_unique<ByteFallbackStep>(); });
  } else if (kind == "Fuse") {
    makers_.push_back([] { return std::make_unique<FuseStep>(); });
  } else if (kind == "Replace") {
    map([pattern = Pattern::from_json(node["pattern"]), content = node["content"].string()](
            const std::string& token) { return pattern.replace(token, content); });
  } else if (kind == "Strip") {
    const std::string character = as_text(node["content"].character());
    const auto start = static_cast<std::size_t>(node["start"].integer(0, 1 << 20));
    const auto stop = static_cast<std::size_t>(node["stop"].integer(0, 1 << 20));
    if (stop == 0) {
      makers_.push_back([=] { return std::make_unique<StripStartStep>(character, start); });
    } else {
      map([=](const std::string& token) { return strip_token(token, character, start, stop); });
    }
  } else if (kind == "Metaspace") {
    const JsonNode replacement = node["replacement"];
    const std::string text =
        as_text(replacement.missing() ? U'\u2581' : replacement.character());
    const bool drop = metaspace_prepend(node) != MetaspaceStep::Prepend::never;
    makers_.push_back([=] { return std::make_unique<MetaspaceDecodeStep>(text, drop); });
  } else {
    type.unsupported("decoder", kKinds);
  }
}

}  // namespace rl::text
