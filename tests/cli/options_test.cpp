#include "rl/cli/options.h"

#include <doctest/doctest.h>

#include "tests/support/errors.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

struct Fields {
  bool flag = false;
  std::uint64_t count = 8;
  double number = 0.5;
  double maybe = 0.0;
  bool has_maybe = false;
  std::string kind = "red";
  std::string path = "here";
  std::vector<std::int64_t> widths{64, 64};
  std::vector<std::string> words{};
};

OptionTable make_table(Fields& f) {
  OptionTable table;
  table.add({"flag", &f.flag});
  table.add({"count", &f.count, "", {.low = 1, .high = 10}});
  table.add({"number", &f.number, "", {.low = 0, .high = 1, .low_open = true}});
  table.add({"maybe", MaybeNumber{&f.maybe, &f.has_maybe}});
  table.add({"kind", &f.kind, "KIND", {}, "", {"red", "green", "blue"}});
  table.add({"path", &f.path, "DIR"});
  table.add({"net.widths", &f.widths, "", {.low = 1, .high = 512}});
  table.add({"words", &f.words, "WORD"});
  return table;
}

std::string rejection(const std::string& name, const std::string& value) {
  Fields fields;
  OptionTable table = make_table(fields);
  return message_of([&] { table.set({name, value, "here"}); });
}

}  // namespace

TEST_SUITE("cli options") {
  TEST_CASE("a value goes into the field its option is bound to") {
    Fields f;
    OptionTable table = make_table(f);
    table.set_all({{"flag", "true", ""}, {"count", "1e1", ""}, {"number", "0.25", ""},
                   {"maybe", "-3", ""}, {"kind", "blue", ""}, {"path", "a b", ""},
                   {"net.widths", "256, 128", ""}, {"words", "x,y", ""}});
    CHECK(f.flag);
    CHECK(f.count == 10);
    CHECK(f.number == 0.25);
    CHECK(f.maybe == -3.0);
    CHECK(f.has_maybe);
    CHECK(f.kind == "blue");
    CHECK(f.path == "a b");
    CHECK(f.widths == std::vector<std::int64_t>{256, 128});
    CHECK(f.words == std::vector<std::string>{"x", "y"});
  }

  TEST_CASE("none empties a list and takes a number away") {
    Fields f;
    OptionTable table = make_table(f);
    table.set_all({{"maybe", "2", ""}, {"net.widths", "none", ""}});
    table.set({"maybe", "none", ""});
    CHECK_FALSE(f.has_maybe);
    CHECK(f.widths.empty());
  }

  TEST_CASE("flags are true or false in the usual words") {
    Fields f;
    OptionTable table = make_table(f);
    for (const char* word : {"true", "yes", "on", "1"}) {
      f.flag = false;
      table.set({"flag", word, ""});
      CHECK(f.flag);
    }
    for (const char* word : {"false", "no", "off", "0"}) {
      f.flag = true;
      table.set({"flag", word, ""});
      CHECK_FALSE(f.flag);
    }
  }

  TEST_CASE("a value out of range is refused with the range and the place") {
    CHECK(rejection("count", "11") ==
          "[here] option count cannot take this value: expected a whole number from 1 to 10, "
          "got '11'");
    CHECK(contains(rejection("count", "0"), "from 1 to 10"));
    CHECK(contains(rejection("number", "0"), "a number above 0 and up to 1, got '0'"));
    CHECK(contains(rejection("number", "nan"), "got 'nan'"));
    CHECK(contains(rejection("flag", "maybe"), "expected true or false, got 'maybe'"));
    CHECK(contains(rejection("maybe", "soon"), "expected none, or a number, got 'soon'"));
    CHECK(contains(rejection("net.widths", "64,0"), "whole numbers from 1 to 512"));
    CHECK(contains(rejection("net.widths", "64,"), "such as 64,64"));
    CHECK(contains(rejection("words", "a,,b"), "words separated by commas"));
    CHECK(contains(rejection("path", "two\nlines"), "text in one line"));
  }

  TEST_CASE("the ends of a range are accepted") {
    Fields f;
    OptionTable table = make_table(f);
    table.set_all({{"count", "1", ""}, {"number", "1", ""}});
    CHECK(f.count == 1);
    CHECK(f.number == 1.0);
  }

  TEST_CASE("a wrong choice lists the choices and the nearest one") {
    const std::string message = rejection("kind", "gren");
    CHECK(contains(message, "expected red, green or blue, got 'gren'"));
    CHECK(contains(message, "did you mean green"));
  }

  TEST_CASE("an unknown option names the nearest") {
    CHECK(contains(rejection("cuont", "1"), "there is no option cuont; did you mean count?"));
  }

  TEST_CASE("an option named without its section is led home") {
    CHECK(contains(rejection("widths", "1"), "did you mean net.widths?"));
  }

  TEST_CASE("an unknown option near to none points at the help") {
    CHECK(contains(rejection("zzzzzzzzzzzz", "1"), "--help lists the options"));
  }

  TEST_CASE("a refused value leaves its field alone") {
    Fields f;
    OptionTable table = make_table(f);
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"flag", "x"}, {"count", "11"}, {"number", "2"}, {"maybe", "x"}, {"kind", "x"},
             {"path", "\t"}, {"net.widths", "1,x"}, {"words", ","}}) {
      CHECK_THROWS_AS(table.set({name, value, ""}), Error);
    }
    const Fields fresh;
    CHECK(f.flag == fresh.flag);
    CHECK(f.count == fresh.count);
    CHECK(f.number == fresh.number);
    CHECK(f.has_maybe == fresh.has_maybe);
    CHECK(f.kind == fresh.kind);
    CHECK(f.path == fresh.path);
    CHECK(f.widths == fresh.widths);
    CHECK(f.words == fresh.words);
  }

  TEST_CASE("a name given twice in one place is refused, naming both") {
    Fields f;
    OptionTable table = make_table(f);
    const std::string message =
        message_of([&] { table.set_all({{"count", "1", "a:1"}, {"count", "2", "a:7"}}); });
    CHECK(contains(message, "[a:7] option count is given twice, first in a:1"));
  }

  TEST_CASE("the value shown for a field reads back to the same field") {
    Fields f{.flag = true, .count = 3, .number = 1.0 / 3.0, .maybe = -1e-7, .has_maybe = true,
             .kind = "green", .path = "p", .widths = {}, .words = {"a", "b"}};
    Fields g;
    OptionTable from = make_table(f);
    OptionTable to = make_table(g);
    for (const Option& option : from.options()) to.set({option.name, from.value_of(option), ""});
    CHECK(g.flag);
    CHECK(g.count == 3);
    CHECK(g.number == f.number);
    CHECK(g.maybe == f.maybe);
    CHECK(g.has_maybe);
    CHECK(g.kind == "green");
    CHECK(g.widths.empty());
    CHECK(g.words == f.words);
  }

  TEST_CASE("defaults are what the fields held when their option was added") {
    Fields f;
    OptionTable table = make_table(f);
    f.count = 99;
    CHECK(table.default_of(*table.find("count")) == "8");
    CHECK(table.find("cuont") == nullptr);
  }
}

}  // namespace rl::cli
