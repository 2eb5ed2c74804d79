#include "rl/learner/train_language.h"

#include <sstream>

#include "learner/language/policy_algorithm.h"
#include "learner/language/sample_text.h"
#include "learner/language/samples_log.h"
#include "learner/language/text_run.h"
#include "learner/language/tuned_model.h"
#include "learner/torch_setup.h"
#include "learner/trainer.h"
#include "rl/core/error.h"
#include "rl/envs/registry.h"
#include "rl/language/thread_team.h"
#include "rl/models/scalar_model.h"

namespace rl {
namespace {

LanguageTrainOptions resolved(const LanguageTrainOptions& options) {
  validate(options);
  LanguageTrainOptions result = options;
  if (result.threads == 0) result.threads = language::default_team_size();
  result.run.num_environments = result.prompts * result.group;
  return result;
}

// One training and what it leaves behind.
class LanguageRun {
 public:
  LanguageRun(const LanguageTrainOptions& options, const TrainHooks& hooks)
      : options_(resolved(options)), hooks_(hooks), folder_(language::load_model(options.model)) {}

  TrainSummary run() {
    // LibTorch is set up before the first tensor exists.
    set_up_torch(static_cast<int>(options_.threads));
    Trainer trainer(options_.run, builtin_environments(), hooks_, make_parts());
    TrainSummary summary = trainer.run();
    if (summary.end != TrainEnd::interrupted) save(summary);
    return summary;
  }

 private:
  RunParts make_parts() {
    auto algorithm = std::make_unique<LanguagePolicyAlgorithm>(
        options_, start_image(folder_, options_.model));
    algorithm_ = algorithm.get();
    RunParts parts;
    parts.text = text_run_config(options_, folder_);
    parts.spec = rollout::text_spec(*parts.text);
    parts.make_generator = generators(options_);
    parts.evaluate = text_evaluation(options_, *parts.text);
    parts.identity = identity(*parts.text);
    parts.torch_threads = static_cast<int>(options_.threads);
    parts.algorithm = std::move(algorithm);
    parts.write_samples = [this](std::uint64_t round, const std::string& lines) {
      // What an interrupted start wrote of this round and later ones goes.
      SamplesLog(options_.run.out, round > 0 ? round - 1 : 0).write(round, lines);
      const std::string sample = sample_text(lines);
      if (hooks_.log && !sample.empty()) hooks_.log("round " + std::to_string(round) + ": " + sample);
    };
    return parts;
  }

  std::map<std::string, std::string> identity(const rollout::TextRunConfig& text) const {
    std::map<std::string, std::string> facts{{"model_digest", algorithm_->start_digest()},
                                             {"sample_with", options_.sample_with},
                                             {"lora_rank", std::to_string(options_.lora_rank)}};
    std::istringstream lines(rollout::to_text(text));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t equals = line.find(" = ");
      if (equals != std::string::npos) facts[line.substr(0, equals)] = line.substr(equals + 3);
    }
    return facts;
  }

  void save(TrainSummary& summary) const {
    const std::filesystem::path run = options_.run.out;
    const LanguageModel& model = algorithm_->model();
    summary.model = options_.export_to.empty() ? (run / "model").string() : options_.export_to;
    save_like(summary.model, folder_, model.config(), model.snapshot(),
              saved_dtype(options_.save_dtype));
    save_adapter_folder(run, model, options_.model, hooks_.log);
    if (const ScalarModel* critic = algorithm_->critic()) {  // in f32: what --critic takes
      save_like(run / "critic", folder_, critic->config(), critic->snapshot(), DType::f32);
    }
  }

  const LanguageTrainOptions options_;
  const TrainHooks& hooks_;
  language::ModelFolder folder_;
  LanguagePolicyAlgorithm* algorithm_ = nullptr;  // the trainer's
};

}  // namespace

TrainSummary train_language(const LanguageTrainOptions& options, const TrainHooks& hooks) {
  return LanguageRun(options, hooks).run();
}

}  // namespace rl
