#include "rl/cli/command_line.h"

#include <doctest/doctest.h>

#include "tests/support/errors.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

struct Fields {
  bool flag = false;
  std::uint64_t count = 0;
  double number = 0.0;
  std::string text{};
};

OptionTable make_table(Fields& f) {
  OptionTable table;
  table.add({"flag", &f.flag});
  table.add({"count", &f.count, "", {.low = 1}});
  table.add({"number", &f.number});
  table.add({"text", &f.text, "TEXT"});
  return table;
}

std::vector<std::string> parse(Fields& fields, const std::vector<std::string>& words,
                               std::size_t max_arguments = 9) {
  OptionTable table = make_table(fields);
  const CommandLine line = parse_command_line(table, words, max_arguments);
  table.set_all(line.assignments);
  return line.arguments;
}

std::string rejection(const std::vector<std::string>& words, std::size_t max_arguments = 9) {
  Fields fields;
  return message_of([&] { parse(fields, words, max_arguments); });
}

}  // namespace

TEST_SUITE("cli command line") {
  TEST_CASE("values follow their name after a space or an equals sign") {
    Fields f;
    CHECK(parse(f, {"--count", "3", "--text=a=b", "--number=-1e3"}).empty());
    CHECK(f.count == 3);
    CHECK(f.text == "a=b");
    CHECK(f.number == -1000.0);
  }

  TEST_CASE("a negative number after a space is a value") {
    Fields f;
    parse(f, {"--number", "-110"});
    CHECK(f.number == -110.0);
  }

  TEST_CASE("a flag stands alone or takes true or false") {
    Fields f;
    CHECK(parse(f, {"--flag"}).empty());
    CHECK(f.flag);
    CHECK(parse(f, {"--flag", "false"}).empty());
    CHECK_FALSE(f.flag);
    CHECK(parse(f, {"--flag=true"}).empty());
    CHECK(f.flag);
    CHECK(parse(f, {"--flag", "name"}) == std::vector<std::string>{"name"});
  }

  TEST_CASE("other words are arguments, in order") {
    Fields f;
    CHECK(parse(f, {"one", "--count", "2", "two"}) == std::vector<std::string>{"one", "two"});
    CHECK(parse(f, {"true"}) == std::vector<std::string>{"true"});
    CHECK(parse(f, {}).empty());
  }

  TEST_CASE("an unknown option names the nearest") {
    CHECK(contains(rejection({"--cuont", "3"}),
                   "[command line] there is no option --cuont; did you mean --count?"));
    CHECK(contains(rejection({"--cuont=3"}), "did you mean --count?"));
  }

  TEST_CASE("options are never guessed from a prefix or a single dash") {
    CHECK(contains(rejection({"--cou", "3"}), "there is no option --cou"));
    CHECK(contains(rejection({"-count", "3"}), "there is no option -count; did you mean --count?"));
    CHECK(contains(rejection({"-x"}), "there is no option -x"));
  }

  TEST_CASE("a missing value says what it could be") {
    CHECK(rejection({"--count"}) ==
          "[command line] option --count has no value: expected a whole number of at least 1; "
          "write --count VALUE");
    CHECK(contains(rejection({"--count", "--flag"}), "option --count has no value"));
    CHECK(contains(rejection({"--count="}), "option --count has no value"));
  }

  TEST_CASE("a refused value is reported with the option as it was typed") {
    CHECK(contains(rejection({"--count", "0"}),
                   "option --count cannot take this value: expected a whole number of at least 1, "
                   "got '0'"));
  }

  TEST_CASE("an option given twice is refused") {
    CHECK(contains(rejection({"--count", "1", "--count", "2"}), "option --count is given twice"));
  }

  TEST_CASE("more arguments than a command takes are refused") {
    CHECK(contains(rejection({"a", "b"}, 1), "'b' is not understood here"));
    CHECK(contains(rejection({"a"}, 0), "options begin with --"));
  }
}

}  // namespace rl::cli
