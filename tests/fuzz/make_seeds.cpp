// fuzz_seeds FOLDER: well-formed inputs of every target, for a fuzzer to start from. What is kept
// under corpus/ is these and what was found from them: README.md.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "learner/run_state.h"
#include "rl/cli/train_option_table.h"
#include "rl/language/model_image.h"
#include "rl/language/new_model.h"
#include "rl/rollout/run_config.h"
#include "rl/rollout/text_episode.h"
#include "src/formats/manifest.h"
#include "src/replay/table_state.h"
#include "src/reporting/event_file.h"
#include "src/reporting/text_logs.h"
#include "src/transport/weight_source.h"
#include "src/transport/zmtp.h"
#include "transport/fixtures.h"

namespace {

using namespace rl;
using namespace std::literals;
namespace fs = std::filesystem;
using nlohmann::json;

// Writes numbered files into a target's folder.
class Seeds {
 public:
  Seeds(const fs::path& folder, const std::string& target) : folder_(folder / target) {
    fs::create_directories(folder_);
  }
  void add(std::string_view text) {
    std::ofstream(folder_ / ("seed" + std::to_string(next_++)), std::ios::binary) << text;
  }
  void add(std::span<const std::byte> bytes) {
    add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

 private:
  fs::path folder_;
  int next_ = 0;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> golden_files(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(RL_TEST_DATA) / "golden" / folder)) {
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

void envelope_seeds(Seeds seeds) {
  using namespace transport;
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(small_environment()));
  const FragmentPtr fragment = small_fragment(schema, 1, 0, 1);
  const std::vector<Block> blocks{fragment->block(), fragment->block()};
  seeds.add(*encode(HelloMessage{.session = 5, .worker_name = "w", .spec_text = "environment E"}));
  seeds.add(*encode(WelcomeMessage{.session = 5, .run_config = "seed = 1"}, Bytes(5)));
  seeds.add(*encode(RefusalMessage{.session = 5, .what = "no", .expected = "a", .got = "b"}));
  seeds.add(encode_experience({.session = 5, .produced = 2, .first_sequence = 1}, blocks));
  seeds.add(*encode(AckMessage{.session = 5, .received_through = 2}));
  seeds.add(*encode(NoticeMessage{.run_id = 7, .version = 2, .image_bytes = 3}));
  seeds.add(*encode(WeightRequestMessage{.session = 5, .version = 2}));
  seeds.add(*encode(ChunkHeader{.run_id = 7, .version = 2}, Bytes(9)));
  seeds.add(*encode(HeartbeatMessage{.session = 5, .produced = 2}));
  seeds.add(*encode(GoodbyeMessage{.session = 5}));
  seeds.add(*encode(GoodbyeAckMessage{5}));
  seeds.add(*encode(StopMessage{5}));
  seeds.add(*encode(UnknownSessionMessage{5}));
}

void fragment_seeds(Seeds seeds) {
  const auto schema =
      std::make_shared<const FragmentSchema>(make_schema(transport::small_environment()));
  for (const std::size_t steps : {1U, 5U}) {
    Fragment fragment(schema, steps, 3 * steps);
    fragment.header().end = FragmentEnd::truncated;
    seeds.add(fragment.block());
  }
}

// Calls and messages are choices of bytes: any bytes are a run.
void random_seeds(Seeds seeds, std::uint64_t index) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    RngStream random(seed, RngRole::test, index);
    Bytes bytes(64 << (seed / 2));
    for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    seeds.add(bytes);
  }
}

// First byte: how far a client has come, or 5: what a server says.
void zmtp_seeds(Seeds seeds) {
  const auto add = [&](char kind, const std::string& said) { seeds.add(kind + said); };
  const auto frame = [](char flags, std::string content, std::size_t size) {
    content.resize(size);
    return std::string{flags, static_cast<char>(size)} + content;
  };
  const transport::Greeting greeting = transport::curve_greeting();
  const std::string greets(reinterpret_cast<const char*>(greeting.data()), greeting.size());
  const std::string hello = frame(4, "\x05HELLO", 200);
  const std::string initiate = frame(4, "\x08INITIATE", 255);
  add(0, greets + hello + initiate);
  add(0, greets.substr(0, 20));
  add(1, hello + initiate);
  add(2, initiate);
  add(3, "x");
  add(4, frame(0, "\x07MESSAGE", 200) + frame(0, "\x07MESSAGE", 33));
  add(4, std::string("\2\0\0\0\0\0\0\7\xD0"sv) + std::string(2000, 'x'));
  add(5, greets + frame(4, "\x07WELCOME", 168) + frame(4, "\x05READY", 60));
  add(5, greets + frame(4, "\5ERROR", 10));
}

void image_seeds(const fs::path& folder) {
  Seeds safetensors(folder, "safetensors");
  Seeds policy(folder, "policy_image");
  for (const auto& path : golden_files("formats", ".safetensors")) safetensors.add(text_of(path));
  for (const auto& path : golden_files("policies", ".safetensors")) policy.add(text_of(path));
  Seeds model(folder, "model_image");
  language::ModelFolder made = language::make_model(
      {.hidden = 8, .layers = 1, .heads = 2, .intermediate = 32, .context = 16});
  model.add(language::write_model_image({.config = made.config,
                                         .weights = made.weights,
                                         .tokenizer_json = made.tokenizer_json,
                                         .stop_ids = {257},
                                         .chat_template = "{{ messages }}"}));
}

void run_seeds(const fs::path& folder) {
  Checkpoint checkpoint{.number = 7, .parts = {}, .facts = {{"version", "1"}}};
  checkpoint.parts["weights.safetensors"] = Bytes(3);
  const std::string manifest = formats::manifest_text(checkpoint);
  Seeds manifests(folder, "checkpoint_manifest");
  manifests.add(manifest);
  manifests.add(manifest.substr(0, manifest.size() - 65));  // the target adds the digest
  Seeds configs(folder, "run_config");
  rollout::RunConfig config{.environment = "CartPole-v1", .seed = 3, .num_environments = 4};
  configs.add(rollout::to_text(config));
  config.text = rollout::TextRunConfig{.rewards = {{"regex", 0.5, "a|b"}}, .vocabulary = 259};
  config.num_environments = static_cast<std::uint32_t>(config.text->places());
  configs.add(rollout::to_text(config));
  Bytes assignment{std::byte{2}};
  const Bytes told = rollout::to_bytes({.round = 3, .continuations = {Bytes(2), Bytes(5)}});
  assignment.insert(assignment.end(), told.begin(), told.end());
  configs.add(assignment);
  Seeds(folder, "ini").add(cli::train_config_text({}));
  RunState state;
  state.environment_steps = 1000;
  state.count_episode(5.0, 7.0);
  Seeds(folder, "run_state").add(to_bytes(state));
  Seeds specs(folder, "environment_spec");
  specs.add(describe(transport::small_environment()));
  specs.add(describe(rollout::text_spec(64, 32, 10.0)));
}

void replay_seeds(Seeds seeds) {
  using namespace replay;
  const auto schema =
      std::make_shared<const FragmentSchema>(make_schema(transport::small_environment()));
  for (const unsigned choice : {0U, 1U, 6U, 7U, 135U, 30U, 129U}) {  // as the target reads it
    const TableOptions options{.unit = (choice & 1) != 0 ? ItemUnit::step : ItemUnit::fragment,
                               .sampler = static_cast<Selector>((choice >> 1) % 4),
                               .remover = static_cast<Selector>((choice >> 3) % 4),
                               .capacity_steps = 64,
                               .max_times_sampled = (choice & 128) != 0 ? 2U : 0U,
                               .seed = 9};
    Table table(options);
    for (std::uint64_t i = 0; i < 3; ++i) {
      table.insert(transport::small_fragment(schema, 0, i, 1 + i), std::chrono::milliseconds(0));
    }
    (void)table.sample(2, std::chrono::milliseconds(0));
    ByteWriter header;
    write_state_header(header, options);
    const Bytes state = table.save_state();
    Bytes seed{static_cast<std::byte>(choice)};
    seed.insert(seed.end(), state.begin() + static_cast<std::ptrdiff_t>(header.bytes().size()),
                state.end() - 4);
    seeds.add(seed);
  }
}

void text_episode_seeds(Seeds seeds) {
  const auto schema =
      std::make_shared<const FragmentSchema>(make_schema(rollout::text_spec(64, 32, 10.0)));
  const rollout::TextEpisode episode{.tokens = {1, 2, 3, 4},
                                     .sampled = {0, 0, 1, 1},
                                     .log_probs = {0.0F, 0.0F, -0.5F, -1.0F},
                                     .versions = {0, 0, 1, 1},
                                     .score = 1.0,
                                     .round = 1};
  seeds.add(rollout::to_fragment(episode, schema)->block());
}

// A golden tokenizer with its first tokens only, and the merges among them.
std::string shrunk(const std::string& text) {
  json file = json::parse(text);
  json& model = file["model"];
  json vocabulary = json::object();
  for (const auto& [token, id] : model["vocab"].items()) {
    if (id.get<int>() < 300 && (token.size() < 3 || token.starts_with('<'))) vocabulary[token] = id;
  }
  json merges = json::array();
  for (const json& merge : model["merges"]) {
    const bool is_list = merge.is_array();
    const std::string joined = is_list ? "" : merge.get<std::string>();
    const std::string left = is_list ? merge[0].get<std::string>() : joined.substr(0, joined.find(' '));
    const std::string right = is_list ? merge[1].get<std::string>() : joined.substr(joined.find(' ') + 1);
    const bool known = vocabulary.contains(left) && vocabulary.contains(right) &&
                       vocabulary.contains(left + right);
    if (known && merges.size() < 20) merges.push_back(merge);
  }
  model["vocab"] = vocabulary;
  model["merges"] = merges;
  return file.dump();
}

void text_seeds(const fs::path& folder) {
  Seeds tokenizers(folder, "tokenizer");
  for (const auto& path : golden_files("text", ".json")) {
    const std::string text = text_of(path);
    const json file = json::parse(text);
    if (file.is_object() && file.contains("model")) tokenizers.add(shrunk(text));
  }
  Seeds templates(folder, "chat_template");
  for (const auto& path : golden_files("text", ".jinja")) templates.add(text_of(path));
  Seeds configs(folder, "model_config");
  Seeds texts(folder, "model_texts");
  for (const auto& path : golden_files("language", ".json")) {
    const std::string name = path.filename().string();
    if (name == "config.json") configs.add(text_of(path));
    if (name == "generation_config.json" || name.ends_with(".index.json")) texts.add(text_of(path));
  }
  texts.add(R"({"chat_template": [{"name": "default", "template": "{{ messages }}"}]})");
  texts.add(R"({"added_tokens": [{"id": 7, "content": "<s>"}], "model": {"vocab": {"a": 0}}})");
  Seeds patterns(folder, "text_pattern");
  patterns.add("(?i:'s|'t)| ?\\p{L}+|\\s+(?!\\S)|[^\\r\\n]{1,3}\0It's 5 o'clock"sv);
  patterns.add("^(a|ab)*?c$\0ababc"sv);
  Seeds problems(folder, "problems");
  problems.add("{\"prompt\": \"1+2=\", \"answer\": \"3\"}\n{\"question\": \"q\", \"answer\": 5}\n");
  problems.add(R"({"prompt": "1+2=", "completion": "3"})");
  problems.add(R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]})");
  Seeds completions(folder, "completion");
  completions.add("(25-5)*3");
  completions.add("so it is $1,234.50\n#### -7");
  Seeds metrics(folder, "metrics");
  metrics.add(reporting::json_line(5, 1.5, {{"a/b", 2.0}}) + reporting::json_line(6, 2.5, {}));
  metrics.add(reporting::table_header({"a"}) + reporting::table_row(5, 1.5, {"a"}, {{"a", 2.0}}));
  metrics.add(reporting::event_file_header(1.0) + reporting::scalar_event(2.0, 5, {{"a", 2.0}}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[1];
  envelope_seeds({folder, "envelope"});
  fragment_seeds({folder, "fragment"});
  random_seeds({folder, "weight_pull"}, 0);
  random_seeds({folder, "learner_protocol"}, 1);
  random_seeds({folder, "worker_protocol"}, 2);
  zmtp_seeds({folder, "zmtp"});
  image_seeds(folder);
  run_seeds(folder);
  replay_seeds({folder, "replay_state"});
  text_episode_seeds({folder, "text_episode"});
  text_seeds(folder);
  return 0;
}
