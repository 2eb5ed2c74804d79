#include "learner/language/sft_data.h"

#include <fstream>
#include <set>

#include "rl/core/error.h"
#include "tests/learner/language/examples.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

struct DataFile : tests::TemporaryFolder {
  explicit DataFile(int lines) {
    std::ofstream stream(path() / "data.jsonl");
    for (int i = 0; i < lines; ++i) {
      stream << "{\"prompt\": \"" << i << "=\", \"completion\": \"" << i << "\"}\n";
    }
  }
  FineTuneOptions options(double split = 0.0) const {
    FineTuneOptions options;
    options.model = "tiny";
    options.data = (path() / "data.jsonl").string();
    options.validation_split = split;
    return options;
  }
};

ModelText tiny_text() { return read_model_text(tests::tiny_model(), "tiny"); }

}  // namespace

TEST_SUITE("sft data") {
  TEST_CASE("a model's own files say which token ends a completion and which end a generation") {
    language::ModelFolder model = tests::tiny_model();
    CHECK(tiny_text().eos_id == 257);
    CHECK(tiny_text().stop_ids == std::vector<text::TokenId>{257});

    model.tokenizer_config_json =
        R"({"eos_token": {"content": "<|pad|>"}, "bos_token": "<|bos|>"})";
    const ModelText other = read_model_text(model, "tiny");
    CHECK(other.eos_id == 258);
    CHECK(other.bos_token == "<|bos|>");
    CHECK(other.stop_ids == std::vector<text::TokenId>{257, 258});

    model.tokenizer_config_json.clear();
    CHECK(read_model_text(model, "tiny").eos_id == 257);
    model.stop_ids.clear();
    CHECK_THROWS_WITH_AS(read_model_text(model, "tiny"), doctest::Contains("no token ends"), Error);
    model.tokenizer_json.clear();
    CHECK_THROWS_WITH_AS(read_model_text(model, "tiny"), doctest::Contains("no tokenizer"), Error);
  }

  TEST_CASE("a split takes its share, chosen by the seed, and nothing is in both parts") {
    const DataFile file(40);
    const SftData data = read_sft_data(file.options(0.25), tiny_text(), 32);
    CHECK(data.training.examples.size() == 30);
    CHECK(data.validation.examples.size() == 10);
    std::set<std::vector<text::TokenId>> seen;
    std::size_t tokens = 0;
    for (const auto* part : {&data.training, &data.validation}) {
      for (const auto& example : part->examples) {
        seen.insert(example.tokens);
        tokens += example.tokens.size();
      }
    }
    CHECK(seen.size() == 40);
    CHECK(data.training.tokens + data.validation.tokens == tokens);

    FineTuneOptions other_seed = file.options(0.25);
    other_seed.seed = 2;
    CHECK(read_sft_data(file.options(0.25), tiny_text(), 32).digest == data.digest);
    CHECK(read_sft_data(other_seed, tiny_text(), 32).digest != data.digest);
  }

  TEST_CASE("a split that leaves nothing to learn from is refused") {
    const DataFile file(1);
    CHECK_THROWS_WITH_AS(read_sft_data(file.options(0.5), tiny_text(), 32),
                         doctest::Contains("leaves nothing"), Error);
  }

  TEST_CASE("the digest changes with the tokens and with the mask") {
    const DataFile file(3);
    FineTuneOptions all = file.options();
    all.loss_on = "all";
    const std::string digest = read_sft_data(file.options(), tiny_text(), 32).digest;
    CHECK(digest != read_sft_data(all, tiny_text(), 32).digest);
    CHECK(digest != read_sft_data(DataFile(4).options(), tiny_text(), 32).digest);
  }

  TEST_CASE("sequences end at the model's context") {
    const DataFile file(1);
    CHECK(read_sft_data(file.options(), tiny_text(), 3).training.truncated == 1);
    FineTuneOptions skip = file.options();
    skip.too_long = "skip";
    CHECK_THROWS_WITH_AS(read_sft_data(skip, tiny_text(), 3), doctest::Contains("1 too long"),
                         Error);
  }
}

}  // namespace rl
