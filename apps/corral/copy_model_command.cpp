#include <algorithm>
#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/model_options.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/numbers.h"
#include "rl/language/model_files.h"

namespace rl::app {
namespace {

constexpr const char* kSameDType = "same";

struct Request {
  std::string from{};
  std::string to{};
  std::string dtype = kSameDType;
  double shard_mb = 5000.0;
};

cli::OptionTable request_table(Request& request) {
  std::vector<std::string> dtypes = dtype_names();
  dtypes.insert(dtypes.begin(), kSameDType);
  cli::OptionTable table;
  table.add({"dtype", &request.dtype, "NAME", {}, "of the files written", std::move(dtypes)});
  table.add({"shard-mb", &request.shard_mb, "MB", {.low = 0.0, .high = 1e9, .low_open = true},
             "most megabytes of tensors in a file; a larger tensor has one to itself"});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  const cli::CommandLine line = cli::parse_command_line(table, words, 2);
  table.set_all(line.assignments);
  if (line.arguments.size() != 2) {
    throw Error({.where = cli::kCommandLine,
                 .what = "two folders are needed",
                 .expected = "the model's and the copy's",
                 .got = std::to_string(line.arguments.size()),
                 .remedy = "e.g. corral copy-model models/tiny models/copy"});
  }
  request.from = line.arguments[0];
  request.to = line.arguments[1];
  return request;
}

// That of most of the weights: norms may be kept in f32.
DType main_dtype(const language::ModelWeights& weights) {
  const auto& tensors = weights.tensors();
  return std::ranges::max_element(tensors, {}, [](const TensorView& tensor) {
           return tensor.data.size();
         })->dtype;
}

}  // namespace

int run_copy_model(const std::vector<std::string>& words) {
  constexpr double kMegabyte = 1e6;
  const Request request = understand([&] { return parse(words); });
  const language::ModelFolder model = language::load_model(request.from);
  const DType dtype =
      request.dtype == kSameDType ? main_dtype(model.weights) : dtype_named(request.dtype);
  const auto shard_bytes = static_cast<std::size_t>(request.shard_mb * kMegabyte);
  language::save_model(request.to, model, {.dtype = dtype, .shard_bytes = shard_bytes});
  std::printf("%s  %s, %s parameters, %s\n", request.to.c_str(),
              name_of(model.config.family).c_str(),
              cli::group_digits(language::parameter_count(model.config)).c_str(),
              std::string(name(dtype)).c_str());
  return kDone;
}

std::string copy_model_help(std::size_t width) {
  Request request;
  return "corral copy-model: a Hugging Face model directory, checked, and written anew.\n"
         "\n"
         "Usage: corral copy-model FROM TO [--dtype NAME] [--shard-mb MB]\n"
         "\n"
         "Half the size:\n"
         "  corral copy-model models/tiny models/tiny-bf16 --dtype bf16\n"
         "\n"
         "In files of at most a gigabyte:\n"
         "  corral copy-model models/large models/sharded --shard-mb 1000\n"
         "\n"
         "A model directory at TO is replaced, anything else is not.\n"
         "\n" +
         cli::option_help(request_table(request), width);
}

}  // namespace rl::app
