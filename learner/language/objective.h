// What a fine-tuning learns: its data, its loss, how it is measured, what it leaves behind.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "learner/language/model_text.h"
#include "rl/language/batch_plan.h"
#include "rl/learner/fine_tune.h"
#include "rl/models/parameters.h"

namespace rl {

struct StepLoss {
  at::Tensor value{};                       // f32 []: what is minimised, no history
  std::size_t tokens = 0;                   // that went through the model
  std::map<std::string, double> metrics{};  // of the batch, beside the loss
};

struct Evaluation {
  HeldOutFigures figures{};
  std::map<std::string, double> metrics{};  // for the curves
  std::string samples{};                    // JSON lines for people to read
};

// Items are numbered 0 .. lengths().size() - 1. Threads: one thread at a time.
class Objective {
 public:
  virtual ~Objective() = default;

  // What is learned from and measured with, a line each, for people; the first is learned from.
  virtual std::vector<std::string> describe_data() const = 0;
  virtual std::vector<std::size_t> lengths() const = 0;  // tokens of every item
  // What a resumed run must have in common with the first start.
  virtual std::map<std::string, std::string> identity() const = 0;

  virtual Parameters& parameters() = 0;
  // Sets parameters().gradients() to those of the batch's loss. At most `micro_batch_tokens` go
  // through the model at once; the split changes nothing but the rounding.
  virtual StepLoss compute_gradients(const language::ExampleBatch& batch,
                                     std::size_t micro_batch_tokens) = 0;
  virtual Evaluation evaluate() = 0;
  // Writes <run>/model and what else there is, and names it in the summary.
  virtual void save(const std::filesystem::path& run, FineTuneSummary& summary,
                    const std::function<void(const std::string&)>& log) = 0;
};

// What every objective is made from; all of it must outlive the objective.
struct ObjectiveParts {
  const FineTuneOptions& options;
  const language::ModelFolder& model;
  const ModelText& text;
};

// By options.algorithm. Reads the data before it builds the model on `device`.
std::unique_ptr<Objective> make_objective(const ObjectiveParts& parts, at::Device device);

}  // namespace rl
