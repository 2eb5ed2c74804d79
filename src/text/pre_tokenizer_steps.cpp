#include "src/text/pre_tokenizer_steps.h"

#include "src/text/byte_level.h"
#include "src/text/utf8.h"

namespace rl::text {
namespace {

void add_spans(const Piece& piece, const std::vector<Span>& spans, std::vector<Piece>& pieces) {
  for (const auto& [begin, end] : spans) {
    if (begin == end) continue;
    pieces.push_back({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
  }
}

std::string_view keep(std::string text, TextStore& store) {
  store.push_back(std::move(text));
  return store.back();
}

}  // namespace

void ScanStep::split(const Piece& piece, std::vector<Piece>& pieces, TextStore&) const {
  for (std::size_t begin = 0; begin < piece.text.size();) {
    const std::size_t end = scanner_(piece.text, begin);
    pieces.push_back({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
    begin = end;
  }
}

void PatternStep::split(const Piece& piece, std::vector<Piece>& pieces, TextStore&) const {
  Stretches stretches = pattern_.find(piece.text);
  if (invert_) {
    for (Stretch& stretch : stretches) stretch.is_match = !stretch.is_match;
  }
  add_spans(piece, rl::text::split(stretches, behavior_), pieces);
}

void CharacterStep::split(const Piece& piece, std::vector<Piece>& pieces, TextStore&) const {
  Stretches stretches;
  std::size_t open = 0;  // where the text without a match began
  for (std::size_t at = 0; at < piece.text.size();) {
    const Character character = first_character(piece.text.substr(at));
    const std::size_t end = at + character.length;
    if (matches_(character.code)) {
      if (open < at) stretches.push_back({{open, at}, false});
      stretches.push_back({{at, end}, true});
      open = end;
    }
    at = end;
  }
  if (open < piece.text.size()) stretches.push_back({{open, piece.text.size()}, false});
  add_spans(piece, rl::text::split(stretches, behavior_), pieces);
}

void PrefixSpaceStep::split(const Piece& piece, std::vector<Piece>& pieces,
                            TextStore& store) const {
  if (piece.text.starts_with(' ')) return pieces.push_back(piece);
  pieces.push_back({keep(" " + std::string(piece.text), store), piece.at_start});
}

void ByteCharacterStep::split(const Piece& piece, std::vector<Piece>& pieces,
                              TextStore& store) const {
  pieces.push_back({keep(bytes_to_characters(piece.text), store), piece.at_start});
}

void MetaspaceStep::split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const {
  std::string text;
  for (const char c : piece.text) {
    if (c == ' ') {
      text += replacement_;
    } else {
      text += c;
    }
  }
  const bool wanted =
      prepend_ == Prepend::always || (prepend_ == Prepend::first && piece.at_start);
  if (wanted && !text.starts_with(replacement_)) text = replacement_ + text;
  const Piece whole{keep(std::move(text), store), piece.at_start};
  if (!split_) return pieces.push_back(whole);
  const Stretches found = Pattern::literal(replacement_).find(whole.text);
  add_spans(whole, rl::text::split(found, SplitBehavior::merged_with_next), pieces);
}

MetaspaceStep::Prepend metaspace_prepend(const JsonNode& node) {
  using Prepend = MetaspaceStep::Prepend;
  const bool prefix = node["add_prefix_space"].boolean_or(true);
  const JsonNode scheme = node["prepend_scheme"];
  const std::string name = scheme.string_or(prefix ? "always" : "never");
  if (!prefix && name != "never") {
    scheme.fail("does not agree with add_prefix_space", "never", name);
  }
  if (name == "always") return Prepend::always;
  if (name == "first") return Prepend::first;
  if (name == "never") return Prepend::never;
  scheme.unsupported("prepend_scheme", "always, first, never");
}

}  // namespace rl::text
