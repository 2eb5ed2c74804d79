// corral generate with a small model of random weights whose tokens are bytes.
#include <doctest/doctest.h>
#include <signal.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rl/language/model_files.h"
#include "rl/text/tokenizer.h"
#include "tests/integration/cli/program.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using nlohmann::json;

language::ModelFolder byte_model(std::size_t context) {
  language::ModelFolder model;
  language::ModelConfig& config = model.config;
  config.vocabulary = 259;
  config.hidden = 32;
  config.layers = 2;
  config.query_heads = 4;
  config.key_value_heads = 2;
  config.head_dim = 8;
  config.intermediate = 48;
  config.context = context;
  config.bos_ids = {256};
  config.eos_ids = {257};
  model.weights = language::random_weights(config, 1);
  model.tokenizer_json = text::byte_tokenizer_json();
  model.tokenizer_config_json = R"({"bos_token": "<|bos|>", "eos_token": "<|eos|>"})";
  model.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  model.stop_ids = {257};
  return model;
}

// A folder with a model in it, and files beside it.
struct Folder : TemporaryFolder {
  explicit Folder(std::size_t context = 512) {
    language::save_model(model(), byte_model(context));
  }
  std::string model() const { return (path() / "model").string(); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path() / name) << text;
    return (path() / name).string();
  }
  std::string name(const std::string& file) const { return (path() / file).string(); }
};

Ended generate(const Folder& folder, std::vector<std::string> more) {
  std::vector<std::string> words{"generate", "--model", folder.model()};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words);
}

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_SUITE("corral generate") {
  TEST_CASE("a prompt's text goes to stdout, the counts to stderr") {
    const Folder folder;
    const Ended ended = generate(folder, {"--prompt", "hello", "--max-new", "20", "--ignore-eos"});
    CHECK(ended.status == 0);
    CHECK(ended.out.ends_with("\n"));
    CHECK(contains(ended.err, "20 tokens, prompt of 5 read at "));
    CHECK(contains(ended.err, "finished: length"));
  }

  TEST_CASE("the same seed gives the same completions whatever the batch and the threads") {
    const Folder folder;
    const std::string prompts = folder.file("prompts.jsonl", "{\"prompt\": \"one\"}\n\n"
                                            "{\"prompt\": \"twenty\", \"other\": 1}\n"
                                            "{\"prompt\": \"three\"}\n");
    const std::vector<std::string> common{"--prompts", prompts, "--n",     "3",
                                          "--max-new", "12",    "--top-k", "40"};
    std::vector<std::string> outs;
    for (const auto& [threads, batch] : {std::pair("1", "1"), std::pair("2", "4"),
                                         std::pair("3", "16")}) {
      std::vector<std::string> words = common;
      words.insert(words.end(), {"--threads", threads, "--batch", batch});
      const Ended ended = generate(folder, words);
      REQUIRE(ended.status == 0);
      outs.push_back(ended.out);
    }
    CHECK(outs[0] == outs[1]);
    CHECK(outs[0] == outs[2]);
    const std::vector<json> lines = lines_of(outs[0]);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0]["prompt"] == "one");
    CHECK(lines[1]["prompt"] == "twenty");
    REQUIRE(lines[2]["completions"].size() == 3);
    for (const json& each : lines[2]["completions"]) {
      CHECK(each["tokens"].size() == each["log_probs"].size());
      CHECK(each["log_probs"][0].get<double>() < 0.0);
      CHECK((each["finish_reason"] == "length" || each["finish_reason"] == "stop"));
    }
    std::vector<std::string> other = common;
    other.insert(other.end(), {"--seed", "2"});
    CHECK(generate(folder, other).out != outs[0]);
  }

  TEST_CASE("completions go to a file when one is named") {
    const Folder folder;
    const Ended ended = generate(folder, {"--prompt", "x", "--n", "2", "--max-new", "3", "--out",
                                          folder.name("out.jsonl")});
    CHECK(ended.status == 0);
    CHECK(contains(ended.out, "--- 2 of 2"));
    CHECK(lines_of(text_of(folder.name("out.jsonl"))).at(0)["completions"].size() == 2);
  }

  TEST_CASE("chat: the model's template makes the prompt, from options or from messages") {
    const Folder folder;
    const std::string prompts = folder.file(
        "prompts.jsonl", R"({"messages": [{"role": "user", "content": "hi"}]})");
    Ended ended = generate(folder, {"--prompts", prompts, "--max-new", "2"});
    REQUIRE(ended.status == 0);
    CHECK(lines_of(ended.out).at(0)["prompt"] == "user: hi\n");
    ended = generate(folder, {"--prompt", "hi", "--chat", "--system", "be kind", "--max-new", "2",
                              "--out", folder.name("out.jsonl")});
    REQUIRE(ended.status == 0);
    CHECK(lines_of(text_of(folder.name("out.jsonl"))).at(0)["prompt"] ==
          "system: be kind\nuser: hi\n");
  }

  TEST_CASE("a stop text ends the text before it") {
    const Folder folder;
    const std::vector<std::string> greedy{"--prompt", "x", "--temperature", "0", "--max-new", "40",
                                          "--ignore-eos", "--out", folder.name("out.jsonl")};
    REQUIRE(generate(folder, greedy).status == 0);
    const json whole = lines_of(text_of(folder.name("out.jsonl"))).at(0)["completions"][0];
    const auto text = whole["text"].get<std::string>();
    // Any one character of it that is ASCII.
    const auto found = text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789,.;:!?-+*/()<>=&%$#@");
    if (found == std::string::npos) {
      MESSAGE("skipped: the random model said nothing readable");
      return;
    }
    std::vector<std::string> stopped = greedy;
    stopped.insert(stopped.end(), {"--stop", "never this", "--stop", text.substr(found, 1)});
    REQUIRE(generate(folder, stopped).status == 0);
    const json part = lines_of(text_of(folder.name("out.jsonl"))).at(0)["completions"][0];
    CHECK(part["text"] == text.substr(0, found));
    CHECK(part["finish_reason"] == "stop");
  }

  TEST_CASE("Ctrl-C stops cleanly: what there is is shown, the status says so") {
    const Folder folder(1'000'000);
    Program program({"generate", "--model", folder.model(), "--prompt", "x", "--max-new", "1e6",
                     "--ignore-eos", "--out", folder.name("out.jsonl"), "--threads", "1"});
    REQUIRE(program.wait_for("a"));
    program.send(SIGINT);
    CHECK(program.finish() == 3);
    CHECK(contains(program.err(), "finished: cancelled"));
    CHECK(lines_of(text_of(folder.name("out.jsonl"))).at(0)["completions"][0]["finish_reason"] ==
          "cancelled");
  }

  TEST_CASE("on a GPU it continues too, and where none is it says what is missing") {
    const Folder folder;
    const Ended ended = generate(folder, {"--prompt", "hello", "--max-new", "20", "--ignore-eos",
                                          "--device", "cuda"});
    if (ended.status == 0) {
      CHECK(contains(ended.err, "20 tokens, prompt of 5 read at "));
      return;
    }
    CHECK(ended.out.empty());
    CHECK((contains(ended.err, "GPU") || contains(ended.err, "LibTorch")));
  }

  TEST_CASE("wrong command lines are refused in one line that says what is right") {
    const Folder folder;
    const auto refused = [&](std::vector<std::string> more, const char* reason) {
      const Ended ended = generate(folder, std::move(more));
      CAPTURE(ended.err);
      CHECK(ended.status == 2);
      CHECK(contains(ended.err, reason));
    };
    refused({}, "--prompt TEXT or --prompts FILE.jsonl");
    refused({"--promt", "x"}, "did you mean --prompt");
    refused({"--prompt", "x", "--prompts", "y"}, "exclude each other");
    refused({"--prompt", "x", "--system", "y"}, "without --chat");
    refused({"--prompt", "x", "--top-p", "0"}, "--top-p");
    refused({"--prompt", "x", "--temperature", "1e-6"}, "temperature");
    refused({"--prompt", "x", "--dtype", "f23"}, "f32");
    refused({"--prompt", "x", "--device", "tpu"}, "cuda");
    refused({"--prompt", "x", "--no-graphs"}, "--device cuda");
    refused({"--prompt", "x", "--stop", ""}, "--stop");
    const Ended ended = run_program({"generate", "--prompt", "x"});
    CHECK(ended.status == 2);
    CHECK(contains(ended.err, "--model DIR"));
  }

  TEST_CASE("prompts that cannot be continued are named by file and line") {
    const Folder folder(16);
    const auto refused = [&](const std::string& text, const char* reason) {
      const Ended ended =
          generate(folder, {"--prompts", folder.file("prompts.jsonl", text)});
      CAPTURE(ended.err);
      CHECK(ended.status == 1);
      CHECK(ended.out.empty());
      CHECK(contains(ended.err, reason));
    };
    refused("", "the file has no prompts");
    refused("{\"prompt\": \"a\"}\nnot json\n", "prompts.jsonl:2] the line is not a JSON object");
    refused("{\"promt\": \"a\"}\n", "rename promt to prompt");
    refused("{\"prompt\": \"a\"}\n{\"prompt\": \"\"}\n", "prompts.jsonl:2");
    refused("{\"prompt\": \"0123456789abcdef\"}\n", "a context of 16");
    const Ended ended = generate(folder, {"--prompts", folder.name("none.jsonl")});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, "none.jsonl"));
  }

  TEST_CASE("a tokenizer of another model is refused") {
    const Folder folder;
    language::ModelFolder model = byte_model(64);
    model.config.vocabulary = 200;
    model.config.bos_ids = model.config.eos_ids = model.stop_ids = {1};
    model.weights = language::random_weights(model.config, 1);
    model.tokenizer_json.clear();
    const std::string other = folder.name("other");
    language::save_model(other, model);
    Ended ended = run_program({"generate", "--model", other, "--prompt", "x"});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, "the model has no tokenizer"));
    std::ofstream(other + "/tokenizer.json") << text::byte_tokenizer_json();
    ended = run_program({"generate", "--model", other, "--prompt", "x"});
    CHECK(ended.status == 1);
    CHECK(contains(ended.err, "tokenizer"));
  }
}

}  // namespace rl::tests
