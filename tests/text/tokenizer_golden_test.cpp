#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "rl/formats/digest.h"
#include "rl/text/tokenizer.h"
#include "src/text/utf8.h"
#include "text/golden_strings.h"

namespace {

namespace golden = rl::text::golden;
using rl::text::StreamDecoder;
using rl::text::TokenId;
using rl::text::Tokenizer;
using Ids = std::vector<TokenId>;

constexpr std::size_t kBlock = 1000;

// Kinds whose decode(encode(text)) is the text itself.
const std::set<std::string> kFaithful = {"gpt2", "llama3", "smollm", "o200k", "data/gpt2"};

void pack(std::string& out, std::size_t number) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(number >> shift));
}
void pack(std::string& out, const Ids& ids) {
  pack(out, ids.size());
  for (const TokenId id : ids) pack(out, static_cast<std::size_t>(id));
}
void pack(std::string& out, const std::string& text) {
  pack(out, text.size());
  out += text;
}

std::string short_digest(const std::string& data) {
  return rl::to_hex(rl::digest(std::as_bytes(std::span(data)))).substr(0, 16);
}

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const TokenId id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

// The digests of one block of strings; other promises are checked on the way.
std::array<std::string, 2> block_digests(const Tokenizer& tokenizer, std::size_t first,
                                         bool faithful) {
  std::string ids_data;
  std::string text_data;
  std::size_t unlike_stream = 0;
  std::size_t unlike_text = 0;
  for (std::size_t index = first; index < first + kBlock; ++index) {
    golden::String string = golden::string_at(index);
    const Ids ids = tokenizer.encode(string.bytes);
    const Ids plain = tokenizer.encode_plain(string.bytes);
    pack(ids_data, ids);
    pack(ids_data, plain);
    const std::string decoded = tokenizer.decode(ids, true);
    const Ids some = golden::random_ids(string.numbers, tokenizer.vocabulary_size());
    const std::string decoded_some = tokenizer.decode(some);
    pack(text_data, decoded);
    pack(text_data, decoded_some);
    unlike_stream += streamed(tokenizer, ids, true) != decoded;
    unlike_stream += streamed(tokenizer, some, false) != decoded_some;
    if (faithful) {
      unlike_text += tokenizer.decode(plain) != rl::text::replace_invalid(string.bytes);
    }
  }
  CHECK(unlike_stream == 0);
  CHECK(unlike_text == 0);
  return {short_digest(ids_data), short_digest(text_data)};
}

void check_digests(const std::string& kind, const Tokenizer& tokenizer) {
  INFO(kind);
  const auto digests =
      nlohmann::json::parse(golden::read_text(golden::folder() / "digests.json"))[kind];
  REQUIRE(digests["ids"].size() == 100);
  for (std::size_t block = 0; block < 100; ++block) {
    const auto [ids, text] = block_digests(tokenizer, block * kBlock, kFaithful.contains(kind));
    INFO("strings from " << block * kBlock << " on; generate.py --show KIND INDEX shows one");
    REQUIRE(ids == digests["ids"][block]);
    REQUIRE(text == digests["text"][block]);
  }
}

Tokenizer open_kind(const std::string& kind) {
  const auto path = golden::folder() / (kind + ".json");
  return Tokenizer::from_json(golden::read_text(path), path.filename().string());
}

nlohmann::json samples() {
  return nlohmann::json::parse(golden::read_text(golden::folder() / "samples.json"));
}

}  // namespace

TEST_CASE("ids and texts of the samples are those of the package tokenizers") {
  const auto all = samples();
  REQUIRE(all.size() == 16);
  for (const auto& group : all.items()) {
    const std::string& kind = group.key();
    const Tokenizer tokenizer = open_kind(kind);
    for (const auto& sample : group.value()) {
      const std::string text = sample["text"];
      INFO(kind << ": " << text);
      CHECK(tokenizer.encode(text) == sample["ids"].get<Ids>());
      CHECK(tokenizer.encode_plain(text) == sample["plain"].get<Ids>());
      CHECK(tokenizer.decode(sample["ids"].get<Ids>(), true) == sample["decoded"]);
      CHECK(tokenizer.decode(sample["some"].get<Ids>()) == sample["decoded_some"]);
    }
  }
}

TEST_CASE("100,000 strings of each kind have the ids of tokenizers, streamed or not") {
  const auto all = samples();
  for (const auto& [kind, cases] : all.items()) check_digests(kind, open_kind(kind));
}

TEST_CASE("GPT-2's and Stories260K's tokenizers give 100,000 strings the ids of tokenizers") {
  const std::pair<const char*, const char*> kinds[] = {{"data/gpt2", "gpt2_tokenizer"},
                                                       {"data/stories260k", "stories260k"}};
  for (const auto& [kind, name] : kinds) {
    const auto folder = golden::data_folder() / name;
    if (!std::filesystem::exists(folder / "tokenizer.json")) {
      MESSAGE("skipped: no " << folder.string() << " (CORRAL_DATA names another place)");
      continue;
    }
    check_digests(kind, Tokenizer::load(folder));
  }
}

TEST_CASE("Stories260K's prompts have the ids that its makers wrote down") {
  const auto folder = golden::data_folder() / "stories260k";
  if (!std::filesystem::exists(folder / "expected.json")) {
    MESSAGE("skipped: no " << folder.string() << " (CORRAL_DATA names another place)");
    return;
  }
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const auto expected = nlohmann::json::parse(golden::read_text(folder / "expected.json"));
  for (const auto& one : expected) {
    CHECK(tokenizer.encode(one["prompt"].get<std::string>()) ==
          one["prompt_ids"].get<Ids>());
  }
}
