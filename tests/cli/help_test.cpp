#include "rl/cli/help.h"

#include <doctest/doctest.h>

#include <sstream>

#include "tests/support/errors.h"

namespace rl::cli {

using tests::contains;
using tests::message_of;

TEST_SUITE("cli help") {
  TEST_CASE("an option is shown with its kind of value, default and unit under its heading") {
    double wait = 30;
    std::uint64_t steps = 5;
    bool on = true;
    bool off = false;
    std::string kind = "red";
    std::string path;
    OptionTable table;
    table.group("First");
    table.add({"wait", &wait, "seconds", {}, "how long"});
    table.add({"steps", &steps, "", {}, "how many"});
    table.group("Second");
    table.add({"on", &on, "", {}, "is on"});
    table.add({"off", &off, "", {}, "is off"});
    table.add({"kind", &kind, "", {}, "which", {"red", "blue"}});
    table.add({"path", &path, "DIR", {}, "where"});
    CHECK(option_help(table, 100) ==
          "First:\n"
          "  --wait X                        how long (default 30 seconds)\n"
          "  --steps N                       how many (default 5)\n"
          "\n"
          "Second:\n"
          "  --on                            is on (default true)\n"
          "  --off                           is off\n"
          "  --kind red|blue                 which (default red)\n"
          "  --path DIR                      where\n");
  }

  TEST_CASE("no line is longer than the width") {
    double value = 1;
    OptionTable table;
    table.add({"a-name-long-enough-for-a-line-of-its-own", &value, "seconds", {},
               "a sentence that goes on and on until it has to be broken somewhere"});
    std::istringstream lines(option_help(table, 60));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      CAPTURE(line);
      CHECK(line.size() <= 60);
    }
    CHECK(count > 3);
  }

  TEST_CASE("wrapped lines after the first are indented, and long words stay whole") {
    CHECK(wrap("aa bb cc", 5, 2) == "aa bb\n  cc");
    CHECK(wrap("a verylongword b", 6, 0) == "a\nverylongword\nb");
    CHECK(wrap("", 5, 0).empty());
  }
}

}  // namespace rl::cli
