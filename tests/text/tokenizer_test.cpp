#include "rl/text/tokenizer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "rl/core/error.h"
#include "support/temporary_folder.h"
#include "text/golden_strings.h"

namespace {

using nlohmann::json;
using rl::text::StreamDecoder;
using rl::text::TokenId;
using rl::text::Tokenizer;
using Ids = std::vector<TokenId>;

Tokenizer byte_tokenizer() {
  return Tokenizer::from_json(rl::text::byte_tokenizer_json(), "bytes");
}

Ids ids_of_bytes(std::string_view text) {
  Ids ids;
  for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

// The byte tokenizer with another added token.
Tokenizer with_token(const json& flags) {
  json file = json::parse(rl::text::byte_tokenizer_json());
  json token = {{"id", 259}, {"content", "<x>"}, {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  token.update(flags);
  file["added_tokens"].push_back(token);
  return Tokenizer::from_json(file.dump(), "test");
}

}  // namespace

TEST_CASE("the byte tokenizer's ids are the bytes of the text") {
  const Tokenizer tokenizer = byte_tokenizer();
  CHECK(tokenizer.vocabulary_size() == 259);
  const std::string text = "Añ😀\n";
  CHECK(tokenizer.encode(text) == ids_of_bytes(text));
  CHECK(tokenizer.decode(ids_of_bytes(text)) == text);
}

TEST_CASE("special tokens in a text become their ids, in plain text they stay text") {
  const Tokenizer tokenizer = byte_tokenizer();
  CHECK(tokenizer.encode("a<|eos|>b") == Ids{'a', 257, 'b'});
  CHECK(tokenizer.encode_plain("a<|eos|>b") == ids_of_bytes("a<|eos|>b"));
  CHECK(tokenizer.decode(Ids{'a', 257, 'b'}) == "a<|eos|>b");
  CHECK(tokenizer.decode(Ids{'a', 257, 'b'}, true) == "ab");
}

TEST_CASE("no spelling of a special token gives its id in plain text, whole words included") {
  json file = json::parse(rl::text::byte_tokenizer_json());
  file["model"]["ignore_merges"] = true;
  file["model"]["vocab"]["<|eos|>"] = 257;
  const Tokenizer tokenizer = Tokenizer::from_json(file.dump(), "test");
  CHECK(tokenizer.encode("<|eos|>") == Ids{257});
  CHECK(tokenizer.encode_plain("<|eos|>") == ids_of_bytes("<|eos|>"));
}

TEST_CASE("tokens are known by id and by text") {
  const Tokenizer tokenizer = byte_tokenizer();
  CHECK(tokenizer.id_of("<|pad|>") == 258);
  CHECK(tokenizer.id_of("Ġ") == ' ');
  CHECK_FALSE(tokenizer.id_of("nothing").has_value());
  CHECK(tokenizer.token(32) == "Ġ");
  CHECK(tokenizer.token(256) == "<|bos|>");
  CHECK(tokenizer.is_special(256));
  CHECK_FALSE(tokenizer.is_special('a'));
  CHECK_FALSE(tokenizer.is_special(-1));
  CHECK_FALSE(tokenizer.is_special(1 << 30));
}

TEST_CASE("two tokenizers differ at the first id that is not the same token in both") {
  CHECK_FALSE(byte_tokenizer().first_difference(byte_tokenizer()));
  CHECK(byte_tokenizer().first_difference(with_token(json::object())) == 259);
  CHECK(with_token(json::object()).first_difference(byte_tokenizer()) == 259);
  CHECK(with_token(json::object()).first_difference(with_token({{"content", "<y>"}})) == 259);
  CHECK_FALSE(with_token(json::object()).first_difference(with_token({{"special", true}})));
}

TEST_CASE("a tokenizer that must have the same tokens is refused with the first other one") {
  CHECK_NOTHROW(with_token(json::object()).require_same_tokens(with_token(json::object()), "here"));
  CHECK_THROWS_WITH_AS(
      with_token({{"content", "<y>"}}).require_same_tokens(with_token(json::object()), "here"),
      doctest::Contains("expected token 259 to be"), rl::Error);
  CHECK_THROWS_WITH_AS(byte_tokenizer().require_same_tokens(with_token(json::object()), "here"),
                       doctest::Contains("got no token"), rl::Error);
}

TEST_CASE("ids outside the vocabulary are refused with the bound") {
  const Tokenizer tokenizer = byte_tokenizer();
  for (const TokenId id : {-1, 259, 1 << 30}) {
    CHECK_THROWS_WITH_AS(tokenizer.decode(Ids{id}), doctest::Contains("an id below 259"),
                         rl::Error);
    CHECK_THROWS_AS(tokenizer.token(id), rl::Error);
    StreamDecoder stream(tokenizer);
    CHECK_THROWS_AS(stream.push(id), rl::Error);
  }
}

TEST_CASE("each maximal invalid part of the bytes is one U+FFFD") {
  const Tokenizer tokenizer = byte_tokenizer();
  const auto reread = [&](std::string_view bytes) {
    return tokenizer.decode(tokenizer.encode(bytes));
  };
  CHECK(reread("a\xFF" "b") == "a\uFFFD" "b");
  CHECK(reread("\xE2\x82") == "\uFFFD");                  // a character cut off
  CHECK(reread("\xF0\x9F\x98(") == "\uFFFD(");            // one that goes wrong late
  CHECK(reread("\xC0\xAF") == "\uFFFD\uFFFD");            // an overlong form
  CHECK(reread("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");  // a surrogate
  CHECK(reread("\xF4\x90\x80\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(reread(std::string_view("\0x", 2)) == std::string_view("\0x", 2));
}

TEST_CASE("an added token's flags take the spaces around it, or ask for a word of its own") {
  CHECK(with_token(json::object()).encode("a <x> b") == Ids{'a', ' ', 259, ' ', 'b'});
  CHECK(with_token({{"lstrip", true}}).encode("a \t<x> b") == Ids{'a', 259, ' ', 'b'});
  CHECK(with_token({{"rstrip", true}}).encode("a <x> \n b") == Ids{'a', ' ', 259, 'b'});
  const Tokenizer single = with_token({{"single_word", true}});
  CHECK(single.encode("a <x> b") == Ids{'a', ' ', 259, ' ', 'b'});
  CHECK(single.encode("a<x> b") == ids_of_bytes("a<x> b"));
  CHECK(single.encode("é<x>") == ids_of_bytes("é<x>"));
}

TEST_CASE("a normalized token is looked for in normalised text, and keeps its own spelling") {
  json file = json::parse(rl::text::byte_tokenizer_json());
  file["normalizer"] = {{"type", "Lowercase"}};
  file["added_tokens"].push_back({{"id", 259}, {"content", "<Tok>"}, {"normalized", true},
                                  {"special", true}});
  file["added_tokens"].push_back({{"id", 260}, {"content", "<Raw>"}, {"normalized", false},
                                  {"special", true}});
  const Tokenizer tokenizer = Tokenizer::from_json(file.dump(), "test");
  CHECK(tokenizer.encode("<TOK>A<tok>") == Ids{259, 'a', 259});
  CHECK(tokenizer.encode("<Raw>") == Ids{260});
  CHECK(tokenizer.encode("<RAW>") == ids_of_bytes("<raw>"));
  CHECK(tokenizer.decode(Ids{259}) == "<Tok>");
  CHECK(tokenizer.decode(Ids{259}, true) == "");
}

TEST_CASE("an added token that is not special stays a token in plain text") {
  CHECK(with_token(json::object()).encode_plain("<x>") == Ids{259});
  CHECK(with_token({{"special", true}}).encode_plain("<x>") == ids_of_bytes("<x>"));
}

TEST_CASE("an empty text has no ids but those of the post-processor") {
  CHECK(byte_tokenizer().encode("").empty());
  const auto path = rl::text::golden::folder() / "llama3.json";
  const Tokenizer tokenizer =
      Tokenizer::from_json(rl::text::golden::read_text(path), "llama3.json");
  CHECK(tokenizer.encode("") == Ids{*tokenizer.id_of("<|begin_of_text|>")});
  CHECK(tokenizer.encode("", false).empty());
}

TEST_CASE("half a character waits for its other half") {
  StreamDecoder stream(byte_tokenizer());
  CHECK(stream.push(0xF0) == "");
  CHECK(stream.push(0x9F) == "");
  CHECK(stream.push(0x98) == "");
  CHECK(stream.push(0x80) == "😀");
  CHECK(stream.push(0xC3) == "");
  CHECK(stream.push('x') == "\uFFFDx");
  CHECK(stream.push(0xE2) == "");
  CHECK(stream.finish() == "\uFFFD");
  CHECK(stream.finish() == "");
  CHECK(stream.push('a') == "a");  // anew
}

TEST_CASE("a stream leaves special tokens out unless asked for") {
  StreamDecoder without(byte_tokenizer());
  CHECK(without.push(257) == "");
  StreamDecoder with(byte_tokenizer(), false);
  CHECK(with.push(257) == "<|eos|>");
}

TEST_CASE("a run of byte tokens is held back until it ends") {
  const auto path = rl::text::golden::folder() / "llama2.json";
  const Tokenizer tokenizer =
      Tokenizer::from_json(rl::text::golden::read_text(path), "llama2.json");
  const auto byte = [&](const char* token) { return *tokenizer.id_of(token); };
  StreamDecoder stream(tokenizer);
  CHECK(stream.push(byte("▁")) == "");  // the space that encoding put first
  CHECK(stream.push(byte("<0xC3>")) == "");
  CHECK(stream.push(byte("<0xA9>")) == "");
  CHECK(stream.push(byte("a")) == "éa");
  CHECK(stream.push(byte("<0xC3>")) == "");
  CHECK(stream.finish() == "\uFFFD");
}

TEST_CASE("one tokenizer serves several threads at once") {
  const auto path = rl::text::golden::folder() / "gpt2.json";
  const Tokenizer tokenizer = Tokenizer::from_json(rl::text::golden::read_text(path), "gpt2.json");
  std::vector<Ids> expected;
  for (std::uint64_t i = 0; i < 300; ++i) {
    expected.push_back(tokenizer.encode(rl::text::golden::string_at(i).bytes));
  }
  std::vector<int> differing(4);
  {
    std::vector<std::jthread> threads;
    for (int& count : differing) {
      threads.emplace_back([&] {
        const Tokenizer copy = tokenizer;
        for (std::uint64_t i = 0; i < 300; ++i) {
          count += copy.encode(rl::text::golden::string_at(i).bytes) != expected[i];
        }
      });
    }
  }
  CHECK(differing == std::vector<int>(4, 0));
}

TEST_CASE("two tokenizers in one thread do not mix up their words") {
  const Tokenizer first = byte_tokenizer();
  json file = json::parse(rl::text::byte_tokenizer_json());
  std::swap(file["model"]["vocab"]["a"], file["model"]["vocab"]["b"]);
  const Tokenizer second = Tokenizer::from_json(file.dump(), "test");
  CHECK(first.encode("ab") == Ids{'a', 'b'});
  CHECK(second.encode("ab") == Ids{'b', 'a'});
  CHECK(first.encode("ab") == Ids{'a', 'b'});
}

TEST_CASE("a tokenizer is loaded from a folder") {
  const rl::tests::TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(Tokenizer::load(folder.path()), doctest::Contains("tokenizer.json"),
                       rl::Error);
  std::ofstream(folder.path() / "tokenizer.json") << rl::text::byte_tokenizer_json();
  CHECK(Tokenizer::load(folder.path()).encode("a") == Ids{'a'});
}
