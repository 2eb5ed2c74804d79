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

const std::string kAnswer = "{\"prompt\":\"1+1=\",\"completion\":\"3\"}\n";

}  // namespace

TEST_SUITE("samples") {
  TEST_CASE("every line is told its step") {
    const tests::TemporaryFolder folder;
    SamplesLog(folder.path(), 0).write(7, kAnswer);
    CHECK(text_of(folder) == "{\"step\":7,\"prompt\":\"1+1=\",\"completion\":\"3\"}\n");
  }

  TEST_CASE("a resumed run goes on after its checkpoint; a new one starts afresh") {
    const tests::TemporaryFolder folder;
    SamplesLog log(folder.path(), 0);
    for (const std::uint64_t step : {10, 20, 30}) log.write(step, kAnswer);
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
