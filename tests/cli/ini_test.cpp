#include "rl/cli/ini.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

struct Fields {
  std::string out = "runs";
  std::uint64_t steps = 10;
  double clip = 0.2;
  bool secret = false;
};

OptionTable make_table(Fields& f) {
  OptionTable table;
  table.add({"ppo.clip", &f.clip, "", {.low = 0}});
  table.add({"out", &f.out, "DIR"});
  table.add({"secret", &f.secret, "", {}, "", {}, false});
  table.add({"steps", &f.steps});
  return table;
}

Fields read(const std::string& text) {
  Fields fields;
  OptionTable table = make_table(fields);
  table.set_all(parse_ini(text, "my.ini", table));
  return fields;
}

std::string rejection(const std::string& text) {
  return message_of([&] { read(text); });
}

}  // namespace

TEST_SUITE("cli ini") {
  TEST_CASE("names before the first section stand for themselves, others get its prefix") {
    const Fields f = read("steps = 1e3\n\n[ppo]\nclip=0.3\n");
    CHECK(f.steps == 1000);
    CHECK(f.clip == 0.3);
  }

  TEST_CASE("comments, blank lines, carriage returns and a byte order mark are no content") {
    const Fields f = read(
        "\xef\xbb\xbf# top\r\n\r\n  ; note\r\n steps = 5 # five\r\nout = a#b\r\n");
    CHECK(f.steps == 5);
    CHECK(f.out == "a#b");
  }

  TEST_CASE("quotes keep what would be trimmed or taken for a comment") {
    CHECK(read("out = \" a # b ; c \"\n").out == " a # b ; c ");
    CHECK(read("out = \"\"\n").out.empty());
  }

  TEST_CASE("the last line needs no end") { CHECK(read("steps = 7").steps == 7); }

  TEST_CASE("a mistake is reported with file and line") {
    CHECK(contains(rejection("steps = 1\n\nstepz = 2\n"),
                   "[my.ini:3] there is no option stepz; did you mean steps?"));
    CHECK(contains(rejection("[ppo]\nclip = -1\n"),
                   "[my.ini:2] option ppo.clip cannot take this value: expected a number of at "
                   "least 0, got '-1'"));
    CHECK(contains(rejection("clip = 1\n"), "did you mean ppo.clip?"));
    CHECK(contains(rejection("[pppo]\n"),
                   "[my.ini:1] there is no section of this name: expected [ppo], got '[pppo]'"));
    CHECK(contains(rejection("[ppo\n"), "this section line does not end"));
    CHECK(contains(rejection("\njust words\n"),
                   "[my.ini:2] this line is not understood: expected name = value"));
    CHECK(contains(rejection("= 3\n"), "this line is not understood"));
    CHECK(contains(rejection("steps = 1\nsteps = 2\n"),
                   "[my.ini:2] option steps is given twice, first in my.ini:1"));
  }

  TEST_CASE("a written table reads back, sections last and unsaved options left out") {
    Fields f{.out = " # odd; path ", .steps = 3, .clip = 0.1, .secret = true};
    const std::string text = to_ini(make_table(f));
    CHECK(text == "out = \" # odd; path \"\nsteps = 3\n\n[ppo]\nclip = 0.1\n");
    const Fields g = read(text);
    CHECK(g.out == f.out);
    CHECK(g.steps == 3);
    CHECK(g.clip == 0.1);
    CHECK_FALSE(g.secret);
  }

  TEST_CASE("a text that would not read back is refused when written") {
    Fields f{.out = "a\"b"};
    CHECK(contains(message_of([&] { to_ini(make_table(f)); }), "text without quotation marks"));
  }

  TEST_CASE("a file that is missing, a folder or too long is refused by name") {
    Fields f;
    const OptionTable table = make_table(f);
    const tests::TemporaryFolder folder;
    const auto path = folder.path() / "a.ini";
    const auto attempt = [&](const std::filesystem::path& file) {
      return message_of([&] { read_ini(file.string(), table); });
    };
    CHECK(contains(attempt(path), path.string()));
    CHECK(contains(attempt(folder.path()), "a regular file"));
    std::ofstream(path) << std::string((1 << 20) + 1, '\n');
    CHECK(contains(attempt(path), "at most 1048576 bytes"));
    std::ofstream(path, std::ios::trunc) << "";
    CHECK(read_ini(path.string(), table).empty());
  }
}

}  // namespace rl::cli
