#include <algorithm>
#include <random>
#include <sstream>

#include "learner/torch_setup.h"
#include "learner/trainer.h"
#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "rl/transport/keys.h"

namespace rl {
namespace {

// Names this start of the run to its workers, so that those of an earlier start are refused. It
// enters no result.
std::uint64_t make_run_id() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1U;
}

std::string default_address(const TrainOptions& options, std::uint64_t run_id) {
  if (!options.bind.empty()) return options.bind;
  std::ostringstream id;
  id << std::hex << run_id;
  if (options.endpoint == "tcp") return "tcp://127.0.0.1:*";
  if (options.endpoint == "inproc") return "inproc://corral-" + id.str();
  return "ipc://@corral-" + id.str();
}

rollout::RunConfig make_run_config(const TrainOptions& options, const RunParts& parts) {
  const Algorithm& algorithm = *parts.algorithm;
  const std::size_t slots = options.num_slots > 0 ? options.num_slots
                                                  : std::max<std::size_t>(options.num_workers, 1);
  // Asynchronous steps wait in open fragments while weights move on: short ones keep them fresh.
  constexpr std::size_t kShortFragment = 16;
  const bool async = options.mode == "async";
  const std::size_t fragment_steps =
      async ? std::min(options.fragment_steps,
                       std::max(algorithm.steps_per_round(), kShortFragment))
            : options.fragment_steps;
  return {.environment = parts.spec.name,
          .seed = options.seed,
          .num_environments = static_cast<std::uint32_t>(options.num_environments),
          .num_slots = static_cast<std::uint32_t>(slots),
          .mode = async ? rollout::Mode::async : rollout::Mode::lockstep,
          .steps_per_round = static_cast<std::uint32_t>(algorithm.steps_per_round()),
          .fragment_steps = static_cast<std::uint32_t>(fragment_steps),
          .text = parts.text};
}

// Two updates' worth over all workers, in blocks as sent: what waits in the inbox grows stale. In
// rounds no worker can run ahead of what it may begin, and the default is only a bound.
std::size_t credit_bytes(const rollout::RunConfig& config, const FragmentSchema& schema) {
  const std::size_t ample = transport::LearnerOptions{}.credit_bytes;
  if (config.mode == rollout::Mode::lockstep || config.text) return ample;
  const std::size_t update = config.num_environments * schema.block_bytes(config.steps_per_round);
  const std::size_t fragment = schema.block_bytes(config.fragment_steps);
  const std::size_t least = std::max(2 * fragment, transport::kLeastCreditBytes);
  return std::clamp(2 * update / config.num_slots, least, std::max(ample, least));
}

EnvironmentSpec find_spec(const TrainOptions& options, const EnvironmentRegistry& registry,
                          const TrainHooks& hooks) {
  if (hooks.external_environment) return *hooks.external_environment;
  if (!options.spec_file.empty()) {
    constexpr std::size_t kMostBytes = std::size_t{1} << 20;
    const Bytes text = read_file(options.spec_file, kMostBytes);
    return spec_from_text({reinterpret_cast<const char*>(text.data()), text.size()});
  }
  return registry.make(options.environment)->spec();
}

// Not the run's own seed: `corral eval` with that one plays episodes that chose no checkpoint.
std::uint64_t evaluation_seed(const TrainOptions& options) {
  return episode_seed(options.seed, RngRole::evaluation, 0, 0);
}

replay::TableOptions seeded(replay::TableOptions options, std::uint64_t seed) {
  options.seed = seed;
  return options;
}

RunParts environment_parts(const TrainOptions& options, const EnvironmentRegistry& registry,
                           const TrainHooks& hooks) {
  RunParts parts;
  parts.spec = find_spec(options, registry, hooks);
  parts.algorithm = make_algorithm(options, parts.spec);
  if (!hooks.external_environment && options.spec_file.empty()) {
    parts.evaluate = environment_evaluation(
        registry, parts.spec.name,
        rollout::EvaluationOptions{.episodes = options.evaluation_episodes,
                                   .environments = options.evaluation_environments,
                                   .seed = evaluation_seed(options)});
  }
  return parts;
}

}  // namespace

TrainSummary train(const TrainOptions& options, const EnvironmentRegistry& registry,
                   const TrainHooks& hooks) {
  validate(options);
  return Trainer(options, registry, hooks, environment_parts(options, registry, hooks)).run();
}

Trainer::Trainer(const TrainOptions& options, const EnvironmentRegistry& registry,
                 const TrainHooks& hooks, RunParts parts)
    : options_(options),
      registry_(registry),
      hooks_(hooks),
      parts_(std::move(parts)),
      spec_(parts_.spec),
      schema_(std::make_shared<const FragmentSchema>(make_schema(spec_))),
      config_(make_run_config(options, parts_)),
      algorithm_(std::move(parts_.algorithm)),
      folder_({.path = options.out,
               .resume = options.resume,
               .keep_checkpoints = options.keep_checkpoints,
               .alarm = [this](const std::string& line) { log(line); }}),
      table_(seeded(algorithm_->table_options(), options.seed)),
      assembler_(options.num_environments, config_.text ? config_.text->max_staleness : 0),
      rollback_(folder_, [this](const std::string& line) { log(line); }) {
  if (parts_.evaluate) evaluator_ = std::make_unique<Evaluator>(parts_.evaluate);
  state_.next_evaluation = options.evaluate_every;
}

void Trainer::start() {
  set_up_torch(parts_.torch_threads);
  started_ = last_checkpoint_ = last_progress_ = last_log_ = steady_clock().now();
  restore();
  folder_.write_config(hooks_.config_text);
  folder_.open_metrics(steps_done());
  steps_at_start_ = steps_done();

  // Workers in this process run this program's own code. Texts come from whole language models.
  constexpr std::size_t kVersionsKept = 8;
  if (options_.endpoint != "inproc" && !of_texts()) {
    log_prob_check_ =
        std::make_unique<LogProbCheck>(spec_, *schema_, lockstep() ? 1 : kVersionsKept);
  }
  const std::uint64_t run_id = make_run_id();
  published_.run_id = run_id;
  transport::LearnerOptions listen;
  listen.bind = default_address(options_, run_id);
  listen.credit_bytes = credit_bytes(config_, *schema_);
  transport::WorkerOptions connect;
  if (!options_.keys.empty()) {
    transport::use_keys(listen, options_.keys);
    // Worker threads get a pair that lives as long as this process.
    connect.keys = transport::generate_key_pair();
    connect.learner_key = listen.keys.public_key;
    listen.allowed_workers.push_back(connect.keys.public_key);
  }
  endpoint_ = std::make_unique<transport::LearnerEndpoint>(
      listen, transport::RunManifest{.run_id = run_id,
                                     .environment = spec_,
                                     .schema = schema_,
                                     .run_config = rollout::to_text(config_),
                                     .num_slots = config_.num_slots});
  log("listening on " + endpoint_->address());
  if (options_.num_workers == 0) return;
  assign_slots(state_.weight_version + 1);
  rollout::WorkerPoolOptions workers;
  workers.mode = options_.worker_mode == "process" ? rollout::WorkerMode::process
                                                   : rollout::WorkerMode::thread;
  workers.num_workers = options_.num_workers;
  workers.program = hooks_.program;
  workers.key_folder = options_.keys;
  workers.process_started = hooks_.worker_started;
  connect.connect = endpoint_->address();
  workers.worker.transport = connect;
  workers.worker.make_generator = parts_.make_generator;
  pool_ = std::make_unique<rollout::WorkerPool>(workers, registry_,
                                                [this](const auto& line) { log(line); });
}

void Trainer::restore() {
  std::vector<std::string> warnings;
  const auto checkpoint = folder_.load(&warnings);
  for (const auto& warning : warnings) log(warning);
  if (!checkpoint) return;
  folder_.require_same_run(*checkpoint, identity());
  const auto part = [&](const char* name) { return folder_.part(*checkpoint, name); };
  algorithm_->load_state(part("algorithm.safetensors"));
  table_.load_state(part("replay.bin"), schema_);
  assembler_.load_state(part("environments.bin"));
  if (evaluator_) evaluator_->load_state(part("evaluation.bin"));
  state_ = run_state_from_bytes(part("run.bin"));
  checkpointed_steps_ = steps_done();
  log("resumed at " + std::to_string(steps_done()) + (of_texts() ? " rounds" : " steps") +
      ", weights version " +
      std::to_string(state_.weight_version));
}

std::map<std::string, std::string> Trainer::identity() const {
  std::map<std::string, std::string> facts{
      {"algorithm", options_.algorithm},
      {"environment", spec_.name},
      {"mode", options_.mode},
      {"num-envs", std::to_string(options_.num_environments)},
      {"seed", std::to_string(options_.seed)}};
  facts.insert(parts_.identity.begin(), parts_.identity.end());
  return facts;
}

std::map<std::string, std::string> Trainer::facts(
    std::map<std::string, std::string> more) const {
  more.merge(identity());
  return more;
}

}  // namespace rl
