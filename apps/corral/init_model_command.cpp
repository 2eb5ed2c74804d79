#include <cstdio>
#include <filesystem>

#include "apps/corral/command.h"
#include "apps/corral/model_options.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/numbers.h"
#include "rl/formats/files.h"
#include "rl/language/new_model.h"

namespace rl::app {
namespace {

constexpr const char* kBytes = "bytes";

struct Request {
  std::string family = "llama";
  std::uint64_t hidden = 256;
  std::uint64_t layers = 4;
  std::uint64_t heads = 4;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_dim = 0;
  std::uint64_t intermediate = 0;
  std::uint64_t context = 512;
  bool untied = false;
  std::string tokenizer = kBytes;
  std::uint64_t seed = 1;
  std::string dtype = "f32";
  std::string out{};
};

cli::OptionTable request_table(Request& request) {
  constexpr cli::Range kSizes{.low = 1, .high = 1 << 20};
  constexpr cli::Range kMaybeSizes{.low = 0, .high = 1 << 20};
  cli::OptionTable table;
  table.add({"out", &request.out, "DIR", {}, "where the model goes"});
  table.add({"family", &request.family, "NAME", {}, "what it is built like", family_names()});
  table.add({"hidden", &request.hidden, "", kSizes, "width of the residual stream"});
  table.add({"layers", &request.layers, "", {.low = 1, .high = 4096}, ""});
  table.add({"heads", &request.heads, "", {.low = 1, .high = 4096}, "of queries"});
  table.add({"kv-heads", &request.kv_heads, "", {.low = 0, .high = 4096},
             "of keys and values, a divisor of --heads; 0: as many"});
  table.add({"head-dim", &request.head_dim, "", kMaybeSizes, "0: --hidden / --heads"});
  table.add({"intermediate", &request.intermediate, "", kMaybeSizes,
             "width inside the MLP; 0: 4 times --hidden for gpt2, else 8/3 times"});
  table.add({"context", &request.context, "positions", {.low = 1, .high = 1e8},
             "most there can be"});
  table.add({"untied", &request.untied, "", {}, "a head of its own instead of the embedding"});
  table.add({"tokenizer", &request.tokenizer, "bytes|FILE", {},
             "bytes (259 tokens), or a tokenizer.json; what lies beside it is used too"});
  table.add({"seed", &request.seed, "", {}, "same seed: same files, byte for byte"});
  table.add({"dtype", &request.dtype, "NAME", {}, "of the files", dtype_names()});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  table.set_all(cli::parse_command_line(table, words, 0).assignments);
  if (request.out.empty()) {
    throw Error({.where = cli::kCommandLine,
                 .what = "no folder for the model is named",
                 .expected = "--out DIR",
                 .remedy = "e.g. corral init-model --out models/tiny"});
  }
  return request;
}

std::string text_of(const std::filesystem::path& file) {
  constexpr std::size_t kLargest = std::size_t{256} << 20;
  const Bytes bytes = read_file(file, kLargest);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

language::NewModel wanted_by(const Request& request) {
  language::NewModel wanted{.family = family_named(request.family),
                            .hidden = request.hidden,
                            .layers = request.layers,
                            .heads = request.heads,
                            .kv_heads = request.kv_heads,
                            .head_dim = request.head_dim,
                            .intermediate = request.intermediate,
                            .context = request.context,
                            .tied_head = !request.untied,
                            .seed = request.seed};
  if (request.tokenizer == kBytes) return wanted;
  const std::filesystem::path file = request.tokenizer;
  wanted.tokenizer_json = text_of(file);
  const std::filesystem::path config = file.parent_path() / "tokenizer_config.json";
  if (std::filesystem::exists(config)) wanted.tokenizer_config_json = text_of(config);
  return wanted;
}

}  // namespace

int run_init_model(const std::vector<std::string>& words) {
  const Request request = understand([&] { return parse(words); });
  const language::ModelFolder model = language::make_model(wanted_by(request));
  language::save_model(request.out, model, {.dtype = dtype_named(request.dtype)});
  std::printf("%s  %s, %s parameters, %s tokens, random weights\n", request.out.c_str(),
              request.family.c_str(),
              cli::group_digits(language::parameter_count(model.config)).c_str(),
              cli::group_digits(model.config.vocabulary).c_str());
  return kDone;
}

std::string init_model_help(std::size_t width) {
  Request request;
  return "corral init-model: a language model with random weights, as a Hugging Face directory.\n"
         "\n"
         "Usage: corral init-model --out DIR [--NAME VALUE]...\n"
         "\n"
         "A small Llama that reads and writes bytes:\n"
         "  corral init-model --out models/tiny\n"
         "\n"
         "A Qwen3 with another model's tokenizer:\n"
         "  corral init-model --family qwen3 --hidden 128 --heads 4 --kv-heads 2 \\\n"
         "    --tokenizer models/other/tokenizer.json --out models/qwen\n"
         "\n"
         "A model directory that is there already is replaced, anything else is not.\n"
         "\n" +
         cli::option_help(request_table(request), width);
}

}  // namespace rl::app
