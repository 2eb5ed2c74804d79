#include "src/text/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "src/text/byte_level.h"
#include "src/text/character_class.h"
#include "src/text/pattern.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

constexpr std::string_view kKinds =
    "NFC, NFD, NFKC, NFKD, Lowercase, Strip, Replace, Prepend, ByteLevel, Sequence";

struct Free {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

std::string unicode_form(std::string_view text, int options) {
  if (is_ascii(text)) return std::string(text);
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::unique_ptr<utf8proc_uint8_t, Free> bytes(raw);
  if (length < 0) {
    throw Error({.where = "normalizer",
                 .what = "a text of " + std::to_string(text.size()) +
                         " bytes cannot be brought into normal form",
                 .got = utf8proc_errmsg(length)});
  }
  return {reinterpret_cast<const char*>(bytes.get()), static_cast<std::size_t>(length)};
}

// Below U+0300 every text is in form C.
bool is_plainly_composed(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0xCC) return false;
  }
  return true;
}

std::string compose(std::string_view text) {
  if (is_plainly_composed(text)) return std::string(text);
  return unicode_form(text, UTF8PROC_COMPOSE);
}

std::string lower(std::string_view text) {
  constexpr char32_t capital_i_with_dot = 0x130;  // the one character with two lower-case ones
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.code == capital_i_with_dot) {
      result += "i\xCC\x87";
    } else {
      append_utf8(result, static_cast<char32_t>(
                              utf8proc_tolower(static_cast<utf8proc_int32_t>(character.code))));
    }
    text.remove_prefix(character.length);
  }
  return result;
}

std::string strip(std::string_view text, bool left, bool right) {
  while (left && !text.empty()) {
    const Character first = first_character(text);
    if (!is_whitespace(first.code)) break;
    text.remove_prefix(first.length);
  }
  while (right && !text.empty()) {
    const Character last = last_character(text);
    if (!is_whitespace(last.code)) break;
    text.remove_suffix(last.length);
  }
  return std::string(text);
}

std::string prepend(std::string_view text, const std::string& prefix) {
  return text.empty() ? std::string() : prefix + std::string(text);
}

}  // namespace

Normalizer Normalizer::from_json(const JsonNode& node) {
  Normalizer normalizer;
  if (!node.missing()) normalizer.add(node);
  return normalizer;
}

void Normalizer::add(const JsonNode& node) {
  const JsonNode type = node["type"];
  const std::string kind = type.string();
  const auto form = [this](int options) {
    steps_.push_back([options](std::string_view text) { return unicode_form(text, options); });
  };
  if (kind == "Sequence") {
    const JsonNode steps = node["normalizers"];
    for (std::size_t i = 0; i < steps.array_size(); ++i) add(steps.at(i));
  } else if (kind == "NFC") {
    steps_.push_back(compose);
  } else if (kind == "NFD") {
    form(UTF8PROC_DECOMPOSE);
  } else if (kind == "NFKC") {
    form(UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  } else if (kind == "NFKD") {
    form(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  } else if (kind == "Lowercase") {
    steps_.push_back(lower);
  } else if (kind == "Strip") {
    const bool left = node["strip_left"].boolean_or(true);
    const bool right = node["strip_right"].boolean_or(true);
    steps_.push_back([left, right](std::string_view text) { return strip(text, left, right); });
  } else if (kind == "Replace") {
    steps_.push_back([pattern = Pattern::from_json(node["pattern"]),
                      content = node["content"].string()](std::string_view text) {
      return pattern.replace(text, content);
    });
  } else if (kind == "Prepend") {
    steps_.push_back([prefix = node["prepend"].string()](std::string_view text) {
      return prepend(text, prefix);
    });
  } else if (kind == "ByteLevel") {
    steps_.push_back(bytes_to_characters);
  } else {
    type.unsupported("normalizer", kKinds);
  }
}

Normalizer::Result Normalizer::apply(std::string_view text) const {
  Result result{std::string(text), false};
  for (const Step& step : steps_) {
    std::string next = step(result.text);
    // Only Strip and Replace take text away, and both leave a suffix of what there was.
    result.lost_start |= next.size() < result.text.size() && !next.empty() &&
                         result.text[0] != next[0] && result.text.ends_with(next);
    result.text = std::move(next);
  }
  return result;
}

}  // namespace rl::text
