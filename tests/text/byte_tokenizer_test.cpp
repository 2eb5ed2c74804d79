#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "rl/text/tokenizer.h"

TEST_CASE("the byte tokenizer's file holds the 256 bytes and three special tokens") {
  const auto file = nlohmann::json::parse(rl::text::byte_tokenizer_json());
  const auto& vocabulary = file["model"]["vocab"];
  CHECK(vocabulary.size() == 256);
  CHECK(vocabulary["A"] == 'A');
  CHECK(vocabulary["Ġ"] == ' ');
  CHECK(vocabulary["Ċ"] == '\n');
  CHECK(file["added_tokens"].size() == 3);
  CHECK(file["added_tokens"][1]["content"] == "<|eos|>");
  CHECK(file["added_tokens"][1]["id"] == 257);
}
