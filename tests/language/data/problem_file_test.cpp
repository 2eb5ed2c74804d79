#include "rl/language/problem_file.h"

#include <doctest/doctest.h>

#include <span>

#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/formats/files.h"
#include "support/temporary_folder.h"

TEST_SUITE_BEGIN("language::problem_file");

using namespace rl;
using namespace rl::language;

namespace {

struct File {
  explicit File(const std::string& text) : path(folder.path() / "problems.jsonl") {
    write_file(path, std::as_bytes(std::span(text)));
  }
  tests::TemporaryFolder folder;
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("prompt or question, answer or completion, other keys aside") {
  const std::string text =
      "{\"prompt\": \"1+2=\", \"answer\": \"3\"}\r\n\n"
      "{\"question\": \"ü?\", \"completion\": 4.5, \"id\": [1]}\n"
      "  \n{\"prompt\": \"no answer\"}";
  const File file(text);
  const ProblemFile read = read_problem_file(file.path, false);
  REQUIRE(read.problems.size() == 3);
  CHECK(read.lines == 3);
  CHECK(read.broken == 0);
  CHECK(read.problems[0].prompt == "1+2=");
  CHECK(read.problems[0].answer == "3");
  CHECK(read.problems[1].prompt == "ü?");
  CHECK(read.problems[1].answer == "4.5");
  CHECK(read.problems[2].answer == "");
  CHECK(read.digest == to_hex(digest(std::as_bytes(std::span(text)))));
}

TEST_CASE("a broken line is named by its number, or passed over and counted") {
  const std::string good = "{\"prompt\": \"1+2=\", \"answer\": \"3\"}\n";
  for (const char* broken : {"{", "[]", "\"text\"", "{\"answer\": \"3\"}", "{\"prompt\": 3}",
                             "{\"prompt\": \"p\", \"answer\": [1]}", "{\"prompt\": \"\xFF\"}"}) {
    CAPTURE(broken);
    const File file(good + "\n" + broken + "\n" + good);
    CHECK_THROWS_WITH_AS(read_problem_file(file.path, false),
                         doctest::Contains("problems.jsonl:3"), Error);
    const ProblemFile read = read_problem_file(file.path, true);
    CHECK(read.problems.size() == 2);
    CHECK(read.broken == 1);
  }
}

TEST_CASE("a file that is missing or has no problem is an error that says so") {
  CHECK_THROWS_WITH_AS(read_problem_file("nowhere/problems.jsonl", false),
                       doctest::Contains("nowhere"), Error);
  const File empty("\n\n");
  CHECK_THROWS_WITH_AS(read_problem_file(empty.path, false), doctest::Contains("empty file"),
                       Error);
  const File broken("{\n{\n");
  CHECK_THROWS_WITH_AS(read_problem_file(broken.path, true), doctest::Contains("broken lines"),
                       Error);
}

TEST_SUITE_END();
