#include "rl/text/tokenizer.h"

#include <algorithm>

#include "rl/formats/files.h"
#include "src/text/tokenizer_tables.h"
#include "src/text/utf8.h"

namespace rl::text {

Tokenizer::Tables::Tables(const JsonNode& file)
    : model(file["model"]),
      normalizer(Normalizer::from_json(file["normalizer"])),
      added(file["added_tokens"], model.vocabulary(), normalizer),
      pre_tokenizer(PreTokenizer::from_json(file["pre_tokenizer"])),
      end(std::max(model.vocabulary().end(), added.end())),
      post_processor(PostProcessor::from_json(file["post_processor"], end)),
      decoder(Decoder::from_json(file["decoder"])) {
  if (pre_tokenizer.ends_with_bytes() && model.use_bytes()) pre_tokenizer.drop_last();
  model.index_whole_words([this](std::string_view token) {
    const AddedToken* const found = added.find(token);
    return found != nullptr && found->special;
  });
}

std::vector<TokenId> Tokenizer::Tables::encode(std::string_view text, bool plain) const {
  std::string repaired;
  if (valid_prefix(text) != text.size()) {
    repaired = replace_invalid(text);
    text = repaired;
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + 8);
  for (const Segment& segment : added.split(text, AddedTokens::Kind::as_written, plain)) {
    if (segment.token) {
      ids.push_back(*segment.token);
    } else {
      encode_segment(segment, plain, ids);
    }
  }
  return ids;
}

void Tokenizer::Tables::encode_segment(const Segment& segment, bool plain,
                                       std::vector<TokenId>& ids) const {
  Normalizer::Result normal;
  std::string_view text = segment.text;
  if (!normalizer.empty()) {
    normal = normalizer.apply(text);
    text = normal.text;
  }
  std::vector<Piece> pieces;
  TextStore store;
  for (const Segment& part : added.split(text, AddedTokens::Kind::normalized, plain)) {
    if (part.token) {
      encode_pieces(pieces, store, ids);
      ids.push_back(*part.token);
    } else {
      const bool at_start = segment.begin == 0 && part.begin == 0 && !normal.lost_start;
      pieces.push_back({part.text, at_start});
    }
  }
  encode_pieces(pieces, store, ids);
}

// The ids of the pieces, which are used up.
void Tokenizer::Tables::encode_pieces(std::vector<Piece>& pieces, TextStore& store,
                                      std::vector<TokenId>& ids) const {
  pre_tokenizer.apply(pieces, store);
  for (const Piece& piece : pieces) model.encode(piece.text, ids);
  pieces.clear();
}

const std::string* Tokenizer::Tables::find(TokenId id) const {
  if (const AddedToken* const token = added.find(id)) return &token->content;
  return model.vocabulary().token(id);
}

const std::string& Tokenizer::Tables::need(TokenId id) const {
  if (const std::string* const token = find(id)) return *token;
  throw Error({.where = where,
               .what = "no such token",
               .expected = "an id below " + std::to_string(end) + " that the file names",
               .got = std::to_string(id)});
}

bool Tokenizer::Tables::is_special(TokenId id) const {
  const AddedToken* const token = added.find(id);
  return token != nullptr && token->special;
}

Tokenizer::Tokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}

Tokenizer Tokenizer::from_json(std::string_view json, std::string_view where) {
  if (json.size() > kMaxFileBytes) {
    throw Error({.where = std::string(where),
                 .what = "the file is too long",
                 .expected = "at most " + std::to_string(kMaxFileBytes) + " bytes",
                 .got = std::to_string(json.size())});
  }
  const Json file = parse_json(json, where);
  auto tables = std::make_shared<Tables>(JsonNode(file, where));
  tables->where = where;
  return Tokenizer(std::move(tables));
}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  const Bytes file = read_file(path, kMaxFileBytes);
  return from_json({reinterpret_cast<const char*>(file.data()), file.size()}, path.string());
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  return tables_->post_processor.apply(tables_->encode(text, false), add_special_tokens);
}

std::vector<TokenId> Tokenizer::encode_plain(std::string_view text) const {
  return tables_->encode(text, true);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  const auto decoding = tables_->decoder.start();
  for (const TokenId id : ids) {
    const std::string& token = tables_->need(id);
    if (!skip_special_tokens || !tables_->is_special(id)) decoding->push(token);
  }
  decoding->finish();
  return decoding->take();
}

std::optional<TokenId> Tokenizer::first_difference(const Tokenizer& other) const {
  const std::size_t end = std::max(vocabulary_size(), other.vocabulary_size());
  for (TokenId id = 0; static_cast<std::size_t>(id) < end; ++id) {
    const std::string* const ours = tables_->find(id);
    const std::string* const theirs = other.tables_->find(id);
    const bool same = ours == nullptr || theirs == nullptr ? ours == theirs : *ours == *theirs;
    if (!same) return id;
  }
  return std::nullopt;
}

std::size_t Tokenizer::vocabulary_size() const { return tables_->end; }

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  if (const AddedToken* const found = tables_->added.find(token)) return found->id;
  return tables_->model.vocabulary().find(token);
}

std::string_view Tokenizer::token(TokenId id) const { return tables_->need(id); }

bool Tokenizer::is_special(TokenId id) const { return tables_->is_special(id); }

void Tokenizer::require_same_tokens(const Tokenizer& wanted, std::string_view where) const {
  const auto id = first_difference(wanted);
  if (!id) return;
  const auto written = [id](const Tables& tables) {
    const std::string* const token = tables.find(*id);
    return token == nullptr ? std::string("no token") : "'" + *token + "'";
  };
  throw Error({.where = std::string(where),
               .what = "the model has another tokenizer",
               .expected = "token " + std::to_string(*id) + " to be " + written(*wanted.tables_),
               .got = written(*tables_),
               .remedy = "use models that come from one and have its tokenizer.json"});
}

}  // namespace rl::text
