// The command line of `corral generate`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/cli/options.h"
#include "rl/language/text_completion.h"

namespace rl::app {

struct GenerateOptions {
  std::string model{};
  std::string prompt{};
  bool has_prompt = false;
  std::string prompts{};          // a file
  bool chat = false;
  std::string system{};
  std::uint64_t max_new = 128;
  double temperature = 1.0;
  std::uint64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  std::uint64_t seed = 1;
  std::uint64_t n = 1;
  std::vector<std::string> stops{};
  bool ignore_eos = false;
  std::string out{};              // a file
  std::string reference{};        // folder of a model that scores what is sampled
  std::string device = "cpu";
  bool no_graphs = false;
  std::uint64_t threads = 0;
  std::uint64_t batch = 16;
  std::string dtype = "stored";
};

// Throws Error for what is not understood, and for options that exclude each other.
GenerateOptions parse_generate_options(const std::vector<std::string>& words);
std::string generate_help(std::size_t width);

language::CompletionOptions completion_options(const GenerateOptions& options,
                                               const std::vector<language::TokenId>& stop_ids);

}  // namespace rl::app
