#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "rl/core/error.h"
#include "rl/text/tokenizer.h"
#include "text/golden_strings.h"

namespace {

using nlohmann::json;
using rl::text::Tokenizer;

json good_file() { return json::parse(rl::text::byte_tokenizer_json()); }

std::string error_of(std::string_view file) {
  try {
    Tokenizer::from_json(file, "dir/tokenizer.json");
  } catch (const rl::Error& error) {
    return error.what();
  }
  return "no error";
}

// The error after one change to a good file.
std::string error_after(const std::function<void(json&)>& change) {
  json file = good_file();
  change(file);
  return error_of(file.dump());
}

bool mentions(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* word : words) {
    if (text.find(word) == text.npos) {
      MESSAGE(text << " lacks " << std::string(word));
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("a file that is cut off anywhere is refused") {
  const std::string file = good_file().dump();
  for (std::size_t length = 0; length < file.size(); length += 97) {
    CHECK(mentions(error_of(file.substr(0, length)), {"dir/tokenizer.json", "malformed JSON"}));
  }
}

TEST_CASE("deep nesting is refused before it is parsed") {
  const std::string deep = std::string(1'000'000, '[');
  CHECK(mentions(error_of(deep), {"nested too deeply", "at most 64"}));
  std::string sequences = R"({"type":"NFC"})";
  for (int i = 0; i < 100; ++i) {
    sequences = R"({"type":"Sequence","normalizers":[)" + sequences + "]}";
  }
  CHECK(mentions(error_of(R"({"normalizer":)" + sequences + "}"), {"nested too deeply"}));
}

TEST_CASE("JSON of another shape is refused with the path") {
  CHECK(mentions(error_of("[]"), {"expected an object"}));
  CHECK(mentions(error_of("{}"), {"model"}));
  CHECK(mentions(error_after([](json& f) { f["model"]["vocab"] = 3; }), {"model.vocab"}));
  CHECK(mentions(error_after([](json& f) { f["model"]["merges"] = "x"; }), {"model.merges"}));
  CHECK(mentions(error_after([](json& f) { f["added_tokens"][1]["content"] = 5; }),
                 {"added_tokens[1].content", "a string"}));
  CHECK(mentions(error_after([](json& f) { f["added_tokens"][0]["special"] = "yes"; }),
                 {"added_tokens[0].special", "true or false"}));
}

TEST_CASE("text in a file that is not UTF-8 is refused") {
  CHECK(mentions(error_of("{\"model\": \"\xFF\"}"), {"malformed JSON"}));
  CHECK(mentions(error_of(R"({"model": "\ud800"})"), {"malformed JSON"}));
}

TEST_CASE("ids that repeat or are out of range are refused") {
  const auto vocabulary = [](const char* token, const json& id) {
    return error_after([&](json& f) { f["model"]["vocab"][token] = id; });
  };
  CHECK(mentions(vocabulary("zz", 7), {"model.vocab", "id 7 is given twice", "zz"}));
  CHECK(mentions(vocabulary("zz", -1), {"model.vocab", "'zz'", "out of range"}));
  CHECK(mentions(vocabulary("zz", 4'194'304), {"out of range", "4194303"}));
  CHECK(mentions(vocabulary("zz", 1e18), {"out of range"}));
  CHECK(mentions(vocabulary("zz", "7"), {"out of range"}));
  const auto added = [](json id) {
    return error_after([&](json& f) { f["added_tokens"][1]["id"] = id; });
  };
  CHECK(mentions(added(256), {"added_tokens[1].id", "given twice"}));
  CHECK(mentions(added(65), {"added_tokens[1].id", "another token's"}));
  CHECK(mentions(added(-3), {"added_tokens[1].id", "an integer from 0"}));
  CHECK(mentions(added(std::uint64_t{1} << 63), {"added_tokens[1].id", "an integer from 0"}));
  CHECK(mentions(error_after([](json& f) { f["added_tokens"][1]["content"] = "a"; }),
                 {"added_tokens[1].id", "does not agree with model.vocab"}));
  CHECK(mentions(error_after([](json& f) { f["added_tokens"][1]["content"] = "<|bos|>"; }),
                 {"added_tokens[1].content", "given twice"}));
}

TEST_CASE("merges of unknown tokens are refused") {
  const auto merges = [](json list) {
    return error_after([&](json& f) { f["model"]["merges"] = list; });
  };
  CHECK(mentions(merges(json::array({"a b"})), {"model.merges[0]", "unknown tokens", "'ab'"}));
  CHECK(mentions(merges(json::array({json::array({"a", "漢"})})), {"model.merges[0]", "漢"}));
  CHECK(mentions(merges(json::array({"abc"})), {"model.merges[0]", "two tokens with one space"}));
  CHECK(mentions(merges(json::array({"a b c"})), {"model.merges[0]"}));
  CHECK(mentions(merges(json::array({json::array({"a"})})), {"model.merges[0]"}));
  CHECK(mentions(merges(json::array({3})), {"model.merges[0]"}));
}

TEST_CASE("parts of a kind that is not supported are named, with those that are") {
  const auto part = [](const char* name, json value) {
    return error_after([&](json& f) { f[name] = value; });
  };
  CHECK(mentions(part("normalizer", {{"type", "Precompiled"}}),
                 {"normalizer.type", "Precompiled", "NFKC"}));
  CHECK(mentions(part("pre_tokenizer", {{"type", "UnicodeScripts"}}),
                 {"pre_tokenizer.type", "UnicodeScripts", "ByteLevel"}));
  CHECK(mentions(part("post_processor", {{"type", "Odd"}}), {"post_processor.type", "Odd"}));
  CHECK(mentions(part("decoder", {{"type", "CTC"}}), {"decoder.type", "CTC", "Metaspace"}));
  CHECK(mentions(error_after([](json& f) { f["model"]["type"] = "Unigram"; }),
                 {"model.type", "Unigram"}));
  CHECK(mentions(error_after([](json& f) { f["model"]["dropout"] = 0.1; }), {"model.dropout"}));
  CHECK(mentions(part("pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}},
                                        {"behavior", "Isolated"}, {"invert", false}}),
                 {"pre_tokenizer.pattern.Regex", "(a"}));
}

TEST_CASE("a template may name ids of the vocabulary alone") {
  const auto error = error_after([](json& f) {
    f["post_processor"] = json::parse(R"({"type": "TemplateProcessing", "pair": [],
        "single": [{"SpecialToken": {"id": "x", "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"x": {"id": "x", "ids": [259], "tokens": ["x"]}}})");
  });
  CHECK(mentions(error, {"post_processor.special_tokens.x.ids[0]", "from 0 to 258"}));
}

TEST_CASE("a text that needs a missing unknown token is refused when it is encoded") {
  const Tokenizer tokenizer = Tokenizer::from_json(
      R"({"model": {"type": "BPE", "unk_token": "?!", "vocab": {"a": 0}, "merges": []}})", "test");
  CHECK(tokenizer.encode("aa").size() == 2);
  CHECK_THROWS_WITH_AS(tokenizer.encode("ab"), doctest::Contains("'?!'"), rl::Error);
}

TEST_CASE("a pattern that would take for ever on a text is given up, not waited for") {
  json file = good_file();
  file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a|aa|a)+[bc]"}}},
                           {"behavior", "Isolated"}, {"invert", false}};
  const Tokenizer tokenizer = Tokenizer::from_json(file.dump(), "test");
  CHECK(tokenizer.encode("xaab").size() == 4);
  CHECK_THROWS_WITH_AS(tokenizer.encode(std::string(100, 'a')), doctest::Contains("given up"),
                       rl::Error);
}

TEST_CASE("damaged files give an error or a tokenizer, never harm") {
  namespace golden = rl::text::golden;
  const std::string good = golden::read_text(golden::folder() / "added_tokens.json");
  golden::Numbers numbers(7);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string file = good;
    for (std::uint64_t flips = 1 + numbers() % 4; flips > 0; --flips) {
      file[numbers() % file.size()] = static_cast<char>(numbers());
    }
    try {
      const Tokenizer tokenizer = Tokenizer::from_json(file, "damaged");
      const auto ids = tokenizer.encode("The É <left> cat\xFF 12 <word>\n");
      CHECK_FALSE(ids.empty());
      CHECK_NOTHROW(tokenizer.decode(ids));
    } catch (const rl::Error& error) {
      ++refused;
      CHECK(mentions(error.what(), {"damaged"}));
    }
  }
  CHECK(refused > 0);
  CHECK(refused < 300);
}
