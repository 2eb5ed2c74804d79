#include "rl/language/chat_prompt.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

TEST_SUITE_BEGIN("language::chat_prompt");

using namespace rl;
using namespace rl::language;

namespace {

ModelFolder folder_with(std::string chat_template, std::string tokenizer_config) {
  ModelFolder folder;
  folder.chat_template = std::move(chat_template);
  folder.tokenizer_config_json = std::move(tokenizer_config);
  return folder;
}

constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

}  // namespace

TEST_CASE("messages become the template's text and the opening of an answer") {
  const ChatPrompt chat(folder_with(kTemplate, R"({"bos_token": "[B]", "eos_token": "[E]"})"), "m");
  CHECK(chat.text({{"system", "be kind"}, {"user", "hi"}}) ==
        "[B]<system>be kind[E]<user>hi[E]<assistant>");
  CHECK(chat.text_of_json(R"([{"role": "user", "content": "hi"}])") ==
        "[B]<user>hi[E]<assistant>");
}

TEST_CASE("tokens written as objects are understood, absent ones are empty") {
  const ChatPrompt chat(
      folder_with(kTemplate, R"({"bos_token": {"content": "[B]"}, "eos_token": null})"), "m");
  CHECK(chat.text({{"user", "hi"}}) == "[B]<user>hi<assistant>");
  CHECK(ChatPrompt(folder_with(kTemplate, ""), "m").text({}) == "<assistant>");
}

TEST_CASE("templates are told the time, they do not read a clock") {
  const ChatPrompt chat(folder_with("{{ strftime_now('%Y-%m-%d') }}", ""), "m", 86400 * 365);
  CHECK(chat.text({}) == "1971-01-01");
}

TEST_CASE("a folder without a template, and malformed files, are named") {
  CHECK_THROWS_WITH_AS(ChatPrompt(folder_with("", ""), "models/x"),
                       doctest::Contains("[models/x] the model has no chat template"), Error);
  CHECK_THROWS_WITH_AS(ChatPrompt(folder_with("{% for %}", ""), "models/x"),
                       doctest::Contains("models/x, chat template"), Error);
  CHECK_THROWS_WITH_AS(ChatPrompt(folder_with("x", "[1"), "models/x"),
                       doctest::Contains("models/x/tokenizer_config.json"), Error);
}

TEST_SUITE_END();
