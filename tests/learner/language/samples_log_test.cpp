#include "learner/language/samples_log.h"

#include <fstream>
#include <sstream>

#include "tests/support/temporary_folder.h"
#include <doctest/doctest.h>

namespace rl {
namespace {

std::string text_of(const tests::TemporaryFolder& folder) {
  std::ifstream stream(folder.path() / "samples.jsonl");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

const std::vector<Answer> kAnswers{{.prompt = "1+1=", .expected = "2", .completion = "3"}};

}  // namespace

TEST_SUITE("samples") {
  TEST_CASE("a line tells what was asked, answered and expected") {
    const tests::TemporaryFolder folder;
    SamplesLog(folder.path(), 0).write(7, kAnswers);
    CHECK(text_of(folder) == "{\"step\":7,\"prompt\":\"1+1=\",\"completion\":\"3\","
                             "\"expected\":\"2\",\"exact\":false}\n");
  }

  TEST_CASE("a resumed run goes on after its checkpoint; a new one starts afresh") {
    const tests::TemporaryFolder folder;
    SamplesLog log(folder.path(), 0);
    for (const std::uint64_t step : {10, 20, 30}) log.write(step, kAnswers);
    const std::string all = text_of(folder);
    std::ofstream(folder.path() / "samples.jsonl", std::ios::app) << "{\"step\":40,\"pro";
    SamplesLog(folder.path(), 30);
    CHECK(text_of(folder) == all);
    SamplesLog(folder.path(), 25);
    CHECK(text_of(folder) == all.substr(0, 2 * all.size() / 3));
    SamplesLog(folder.path(), 0);
    CHECK(text_of(folder).empty());
  }
}

}  // namespace rl
