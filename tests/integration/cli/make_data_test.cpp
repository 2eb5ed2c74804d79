// corral make-data, run as a user runs it.
#include <doctest/doctest.h>

#include <algorithm>

#include "rl/formats/files.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

std::string text_of(const std::string& file) {
  const Bytes bytes = read_file(file, std::size_t{1} << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_SUITE("corral make-data") {
  TEST_CASE("both files are written, the same for the same seed") {
    const TemporaryFolder folder;
    const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
    const std::vector<std::string> words{"make-data", "--task", "sorting", "--length", "5",
                                         "--count", "40", "--held-out-count", "8"};
    const auto make = [&](const std::string& part) {
      std::vector<std::string> all = words;
      for (const auto& word : {std::string("--out"), at(part + "/a.jsonl"), std::string("--held-out"),
                               at(part + "/b.jsonl")}) {
        all.push_back(word);
      }
      return run_program(all);
    };
    const Ended ended = make("one");
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "40 problems, such as sort("));
    CHECK(contains(ended.out, "8 problems, such as sort("));
    REQUIRE(make("two").status == 0);
    const std::string training = text_of(at("one/a.jsonl"));
    CHECK(std::ranges::count(training, '\n') == 40);
    CHECK(contains(training, "{\"prompt\":\"sort("));
    CHECK(training == text_of(at("two/a.jsonl")));
    CHECK(text_of(at("one/b.jsonl")) == text_of(at("two/b.jsonl")));
  }

  TEST_CASE("what cannot be made is told, and nothing is written") {
    const TemporaryFolder folder;
    const std::string out = (folder.path() / "a.jsonl").string();
    CHECK(contains(run_program({"make-data"}).err, "no file for the problems is named"));
    CHECK(contains(run_program({"make-data", "--task", "adition", "--out", out}).err,
                   "did you mean addition?"));
    const Ended many = run_program({"make-data", "--digits", "1", "--count", "101", "--out", out});
    CHECK(many.status == 1);
    CHECK(contains(many.err, "too few different training problems: expected 101, got 100"));
    CHECK_FALSE(std::filesystem::exists(out));
  }

  TEST_CASE("its help names every task") {
    const Ended ended = run_program({"help", "make-data"});
    CHECK(ended.status == 0);
    for (const char* task : {"addition", "reverse", "sorting", "chain-sum"}) {
      CHECK(contains(ended.out, task));
    }
  }
}

}  // namespace rl::tests
