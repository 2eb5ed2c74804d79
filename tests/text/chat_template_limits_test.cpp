// What a chat template may not do, and what it says then.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "rl/core/error.h"
#include "rl/text/chat_template.h"

namespace rl::text {
namespace {

std::string render(const std::string& source, const ChatOptions& options = {}) {
  return ChatTemplate(source, "t").render({}, options);
}

std::string error_of(const std::string& source, const ChatOptions& options = {}) {
  try {
    render(source, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

TEST_CASE("an error names the template, the line and what is near") {
  CHECK(has(error_of("a\n\n{{ 'x' | upperr }}"), "[t, line 3] there is no filter 'upperr'"));
  CHECK(has(error_of("{{ 'x' | upperr }}"), "upper"));
  CHECK(has(error_of("\n{{ 1 is definde }}"), "[t, line 2] there is no test 'definde'"));
  CHECK(has(error_of("{% fro x in y %}"), "there is no tag 'fro'"));
  CHECK(has(error_of("{% include 'x' %}"), "there is no tag 'include'"));
  CHECK(has(error_of("\n\n\n{{ 'abc'.swapcase() }}"),
            "[t, line 4] there is no 'swapcase' in 'abc'"));
  CHECK(has(error_of("\n{{ nothing.more }}"), "[t, line 2] 'nothing' is undefined"));
  CHECK(has(error_of("{{ nothing() }}"), "'nothing' is undefined"));
  CHECK(has(error_of("{% for x in [] %}"), "expected {% endfor or else %}"));
  CHECK(has(error_of("{% break %}"), "outside of a loop"));
  CHECK(has(error_of("{{ raise_exception('own words') }}"), "own words"));
}

TEST_CASE("an endless computation stops at the step budget") {
  const std::string loops = "{% for a in range(100000) %}{% for b in range(100000) %}"
                            "{% endfor %}{% endfor %}";
  CHECK(has(error_of(loops), "too many steps: expected at most 10000000"));
  const auto sums = [](int count) {
    return "{% for a in range(" + std::to_string(count) + ") %}{% set x = range(20) %}{% endfor %}";
  };
  CHECK(render(sums(1000)).empty());
  CHECK(has(error_of(repeated(sums(100000), 4)), "too many steps"));
}

TEST_CASE("text may be as long as the limit and not a byte longer") {
  constexpr std::size_t kMost = ChatTemplate::kMaxOutputBytes;
  CHECK(render("{{ 'a' * 1000 }}").size() == 1000);
  CHECK(render("{{ ('a' * 1024) * " + std::to_string(kMost / 1024) + " }}").size() == kMost);
  CHECK(has(error_of("b{{ ('a' * 1024) * " + std::to_string(kMost / 1024) + " }}"), "too long a text"));
  CHECK(has(error_of("{{ 'a' * 10000000000 }}"), "too long a text"));
  CHECK(has(error_of("{{ 'ab' * 9223372036854775807 }}"), "too long a text"));
  CHECK(has(error_of("{{ [1] * 9223372036854775807 }}"), "too many steps"));
  CHECK(has(error_of("{% set ns = namespace(x='abcdefgh') %}{% for i in range(100) %}"
                     "{% set ns.x = ns.x ~ ns.x %}{% endfor %}"),
            "too "));  // steps or text, whichever comes first
  CHECK(has(error_of("{{ ('a' * 100000) | replace('a', 'a' * 100000) }}"), "too long a text"));
  CHECK(has(error_of("{{ 'x' | indent(1000000000) }}"), "width is too large"));
  CHECK(has(error_of("{{ ('\n' * 30000000) | indent(1000, blank=true) }}"), "too "));
}

TEST_CASE("a range has at most 100000 numbers, as in jinja2's sandbox") {
  CHECK(render("{{ range(100000) | length }}") == "100000");
  CHECK(has(error_of("{{ range(100001) }}"), "range is too long"));
  CHECK(has(error_of("{{ range(9223372036854775807) }}"), "range is too long"));
  CHECK(render("{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775807) | list }}") ==
        "[-9223372036854775807, 0]");
}

TEST_CASE("whole numbers stay within 64 bits") {
  CHECK(has(error_of("{{ 9223372036854775807 + 1 }}"), "too large"));
  CHECK(has(error_of("{{ 10 ** 19 }}"), "too large"));
  CHECK(has(error_of("{{ (-9223372036854775807 - 1) // -1 }}"), "too large"));
  CHECK(render("{{ (-9223372036854775807 - 1) % -1 }}") == "0");
  CHECK(has(error_of("{{ 92233720368547758070 }}"), "not one this engine can hold"));
  CHECK(has(error_of("{{ 1e300 | int }}"), "too large"));
}

TEST_CASE("nesting is bounded in source, data and running") {
  constexpr std::size_t kMost = ChatTemplate::kMaxDepth;
  const auto parentheses = [](std::size_t count) {
    return "{{ " + repeated("(", count) + "1" + repeated(")", count) + " }}";
  };
  CHECK(render(parentheses(kMost - 2)) == "1");
  CHECK(has(error_of(parentheses(kMost + 1)), "nests too deeply"));
  CHECK(has(error_of(parentheses(200'000)), "nests too deeply"));
  for (const char* opening : {"[", "{1:", "-", "not ", "a[", "f(", "1 if 1 else ", "x is in "}) {
    CAPTURE(opening);
    CHECK(error_of("{{ " + repeated(opening, 50'000)) != "no error");
  }
  CHECK(has(error_of("{{ 1" + repeated(" + 1", 50'000) + " }}"), "too long or nests too deeply"));
  CHECK(has(error_of("{{ x" + repeated(".a", 50'000) + " }}"), "too long or nests too deeply"));
  CHECK(has(error_of("{{ x" + repeated("|list", 50'000) + " }}"), "too long or nests too deeply"));
  CHECK(has(error_of(repeated("{% if 1 %}", 50'000)), "nests too deeply"));
  CHECK(has(error_of("{% set " + repeated("(", 50'000) + repeated(")", 50'000) + " = 1 %}"), "nests too deeply"));
  CHECK(has(error_of("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), "too deeply"));
  CHECK(has(error_of("{% macro f(n) %}{{ f(n + 1) if n < " + std::to_string(kMost - 1) +
                     " else 'end' }}{% endmacro %}{{ f(0) }}"),
            "no error"));
  CHECK(has(error_of("{% set ns = namespace(x=1) %}{% for i in range(1000) %}"
                     "{% set ns.x = [ns.x] %}{% endfor %}"),
            "nests too deeply"));
  CHECK(has(error_of("{% set ns = namespace(x=1) %}{% for i in range(1000) %}{% for j in [ns.x] %}"
                     "{% set ns.x = loop %}{% endfor %}{% endfor %}"),
            "nests too deeply"));
  CHECK(has(error_of("{% set ns = namespace(x=[1]) %}{% for i in range(150) %}"
                     "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}"),
            "too "));
  CHECK(has(error_of("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns.me }}"),
            "cannot be printed"));
}

TEST_CASE("hostile JSON is an Error") {
  const ChatTemplate chat("{{ messages | tojson }}", "t");
  const auto error = [&chat](const std::string& json) -> std::string {
    try {
      chat.render_json(json, {});
    } catch (const Error& caught) {
      return caught.what();
    }
    return "no error";
  };
  CHECK(chat.render_json("[]", {}) == "[]");
  CHECK(has(error(""), "[t, messages] the JSON is malformed"));
  CHECK(has(error("{}"), "not a list"));
  CHECK(has(error("[1]"), "not an object"));
  CHECK(has(error("[{]"), "malformed"));
  CHECK(has(error("[{}] x"), "malformed"));
  CHECK(has(error(std::string("[]\0", 3)), "malformed"));
  CHECK(has(error("[{\"a\":\"\xff\"}]"), "malformed"));
  CHECK(has(error("[{\"a\":18446744073709551615}]"), "too large"));
  CHECK(has(error("[{\"a\":99999999999999999999}]"), "too large"));
  CHECK(has(error(repeated("[", 100'000)), "nests too deeply"));
  const std::size_t inner = ChatTemplate::kMaxDepth - 3;
  const auto nested = [](std::size_t depth) {
    return "[{\"a\":" + repeated("[", depth) + repeated("]", depth) + "}]";
  };
  CHECK(error(nested(inner)) == "no error");
  CHECK(has(error(nested(inner + 2)), "nests too deeply"));
  CHECK(has(error_of("", {.tools_json = "{}"}), "the tools are not a list"));
  CHECK(has(error_of("", {.variables_json = "[]"}), "the variables are not an object"));
  CHECK(has(error_of("", {.variables_json = R"({"messages": 1})"}), "name of an argument"));
}

TEST_CASE("sources are bounded and UTF-8") {
  CHECK(render(std::string(ChatTemplate::kMaxSourceBytes, 'a')).size() ==
        ChatTemplate::kMaxSourceBytes);
  CHECK(has(error_of(std::string(ChatTemplate::kMaxSourceBytes + 1, 'a')), "too large"));
  CHECK(has(error_of("\xff"), "UTF-8"));
  CHECK_THROWS_AS(ChatTemplate("", "t").render({{"user", "\xff"}}, {}), Error);
}

TEST_CASE("the date is the one given, in UTC") {
  const ChatOptions options{.now_unix_seconds = 1709210096};  // 2024-02-29 12:34:56
  CHECK(render("{{ strftime_now('%d %b %Y, %A %H:%M:%S %j %-d %y %I%p %%') }}", options) ==
        "29 Feb 2024, Thursday 12:34:56 060 29 24 12PM %");
  CHECK(render("{{ strftime_now('%F') }}", {.now_unix_seconds = -1}) == "1969-12-31");
  CHECK(has(error_of("{{ strftime_now('%Q') }}"), "does not know a format"));
}

}  // namespace
}  // namespace rl::text
