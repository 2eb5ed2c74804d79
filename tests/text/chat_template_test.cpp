// Templates against what transformers renders (tests/golden/text/chat).
#include "rl/text/chat_template.h"

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>

#include "rl/core/error.h"

namespace rl::text {
namespace {

using Json = nlohmann::ordered_json;

std::string read(const std::string& name) {
  std::ifstream file(std::string(RL_TEST_DATA) + "/golden/text/chat/" + name, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Rendered {
  std::optional<std::string> output{};
  std::string error{};
};

template <class Render>
Rendered attempt(Render render) {
  try {
    return {.output = render()};
  } catch (const Error& error) {
    return {.error = error.what()};
  }
}

TEST_CASE("small templates give what jinja2 gives, and what jinja2 refuses is an Error") {
  const Json golden = Json::parse(read("expressions.json"));
  REQUIRE(golden["cases"].size() >= 150);
  const ChatOptions options{.variables_json = golden["variables"].dump()};
  for (const Json& one : golden["cases"]) {
    const std::string source = one["template"];
    CAPTURE(source);
    const Rendered rendered =
        attempt([&] { return ChatTemplate(source, "test").render({}, options); });
    CAPTURE(rendered.error);
    if (one.contains("output")) {
      CHECK(rendered.output.value_or("") == one["output"].get<std::string>());
      CHECK(rendered.output.has_value());
    } else {
      CAPTURE(rendered.output.value_or(""));
      CHECK_FALSE(rendered.output.has_value());
      CHECK(rendered.error.find("[test, line 1]") == 0);
    }
  }
}

TEST_CASE("conversations in every family's template read as transformers renders them") {
  const Json golden = Json::parse(read("conversations.json"));
  for (const Json& one : golden["results"]) {
    const std::string family = one["template"];
    const std::string name = one["case"];
    CAPTURE(family);
    CAPTURE(name);
    const Json& given = golden["cases"][name];
    const ChatOptions options{
        .add_generation_prompt = given.value("add_generation_prompt", true),
        .bos_token = "<s>",
        .eos_token = "</s>",
        .tools_json = given.contains("tools") ? given["tools"].dump() : "",
        .variables_json = given.contains("variables") ? given["variables"].dump() : "",
        .now_unix_seconds = golden["now"]};
    const ChatTemplate chat(read(family + ".jinja"), family);
    const Rendered rendered =
        attempt([&] { return chat.render_json(given["messages"].dump(), options); });
    CAPTURE(rendered.error);
    if (one.contains("output")) {
      CHECK(rendered.output.value_or("") == one["output"].get<std::string>());
      CHECK(rendered.output.has_value());
    } else {
      CAPTURE(rendered.output.value_or(""));
      CHECK_FALSE(rendered.output.has_value());
      if (one["raised"]) {  // the template's own words
        CHECK(rendered.error.find(one["error"].get<std::string>()) != std::string::npos);
      }
    }
  }
}

TEST_CASE("plain messages render as their JSON does") {
  const ChatTemplate chat(read("qwen3.jinja"), "qwen3");
  const std::string json = R"([{"role":"system","content":"S"},{"role":"user","content":"ü"}])";
  CHECK(chat.render({{"system", "S"}, {"user", "ü"}}, {}) == chat.render_json(json, {}));
  CHECK(chat.render({{"user", "Hi"}}, {}) ==
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

}  // namespace
}  // namespace rl::text
