#include "rl/language/new_model.h"

#include <doctest/doctest.h>

#include "language/model_folders.h"
#include "rl/core/error.h"
#include "rl/text/tokenizer.h"
#include "support/temporary_folder.h"

namespace {

using namespace rl::language;
using rl::tests::TemporaryFolder;

TEST_SUITE_BEGIN("new model");

TEST_CASE("a new model of each family saves and loads, with a tokenizer of bytes") {
  for (const Family family : {Family::llama, Family::qwen2, Family::qwen3, Family::gpt2}) {
    const TemporaryFolder folder;
    const NewModel wanted{.family = family, .hidden = 16, .layers = 1, .heads = 2, .context = 32};
    save_model(folder.path() / "m", make_model(wanted));
    const ModelFolder model = load_model(folder.path() / "m");
    CHECK(model.config.family == family);
    CHECK(model.config.vocabulary == 259);
    CHECK(model.config.intermediate == 64);
    CHECK(model.stop_ids == std::vector<std::int32_t>{257});
    CHECK(model.chat_template.find("message['role']") != std::string::npos);
  }
}

TEST_CASE("another tokenizer brings its vocabulary and, by name, its special tokens") {
  NewModel wanted{.hidden = 16, .layers = 1, .heads = 2};
  wanted.tokenizer_json = rl::text::byte_tokenizer_json();
  const ModelFolder bare = make_model(wanted);
  CHECK(bare.config.eos_ids.empty());
  CHECK(bare.chat_template.empty());
  wanted.tokenizer_config_json =
      R"({"eos_token": {"content": "<|eos|>"}, "bos_token": null, "chat_template": "c"})";
  const ModelFolder named = make_model(wanted);
  CHECK(named.config.eos_ids == std::vector<std::int32_t>{257});
  CHECK(named.config.bos_ids.empty());
  CHECK(named.chat_template == "c");
}

TEST_CASE("what a family cannot be is refused") {
  CHECK_THROWS_WITH_AS(make_model({.hidden = 16, .heads = 3}), doctest::Contains("heads do not"),
                       rl::Error);
  CHECK_THROWS_WITH_AS(make_model({.hidden = 16, .heads = 4, .kv_heads = 3}),
                       doctest::Contains("divisor of query_heads"), rl::Error);
  CHECK_THROWS_WITH_AS(
      make_model({.family = Family::gpt2, .hidden = 16, .heads = 4, .kv_heads = 2}),
      doctest::Contains("GPT-2 has no grouped heads"), rl::Error);
}

TEST_SUITE_END();

}  // namespace
