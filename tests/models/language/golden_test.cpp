#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/torch_doctest.h"

#include <filesystem>

#include "rl/formats/files.h"
#include "rl/formats/safetensors.h"
#include "rl/language/model_files.h"
#include "rl/models/language_model.h"

using namespace rl;

namespace {

const std::filesystem::path kGolden = std::filesystem::path(RL_TEST_DATA) / "golden/language";

template <class T>
at::Tensor copied(const SafetensorsView& image, const std::string& name, at::ScalarType type) {
  const TensorView& tensor = image.require(name);
  const auto values = image.values<T>(name, tensor.shape);
  return at::from_blob(const_cast<T*>(values.data()), tensor.shape, type).clone();
}

}  // namespace

TEST_SUITE("LanguageModel: golden gradients") {
  TEST_CASE("log-probs and gradients are those of transformers in f64") {
    for (const std::string name : {"llama_untied", "qwen2_tied", "qwen3_tied", "gpt2"}) {
      for (const bool plain : {false, true}) {
        CAPTURE(name);
        CAPTURE(plain);
        const Bytes bytes =
            read_file(kGolden / "gradients" / (name + ".safetensors"), std::size_t{1} << 20);
        const SafetensorsView golden(bytes, name);
        const language::ModelFolder folder = language::load_model(kGolden / "models" / name);
        LanguageModel model(folder.config, folder.weights, at::kCPU,
                            {.plain_operations = plain, .threads = 2, .head_chunk_tokens = 16});
        const PackedTokens packed{copied<std::int64_t>(golden, "tokens", at::kLong), {11, 30}};
        const at::Tensor log_probs =
            model.token_log_probs(model.hidden(packed),
                                  copied<std::int64_t>(golden, "targets", at::kLong), 0.8)
                .log_probs;
        CHECK((log_probs - copied<float>(golden, "log_probs", at::kFloat))
                  .abs().max().item<double>() < 1e-4);
        torch::autograd::backward({log_probs},
                                  {copied<float>(golden, "coefficients", at::kFloat)});
        const Parameters& parameters = model.parameters();
        const double whole = parameters.gradients().norm().item<double>();
        for (std::size_t i = 0; i < parameters.specs().size(); ++i) {
          const std::string& parameter = parameters.specs()[i].name;
          CAPTURE(parameter);
          const at::Tensor expected = copied<float>(golden, "gradient." + parameter, at::kFloat);
          const double error = (parameters.gradient(i) - expected).norm().item<double>();
          // GPT-2's key biases shift all scores of a query alike: their gradient is rounding.
          CHECK(error < 1e-4 * expected.norm().item<double>() + 1e-6 * whole);
        }
      }
    }
  }
}
