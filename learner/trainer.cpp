#include "learner/trainer.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "learner/torch_setup.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/formats/files.h"
#include "rl/transport/keys.h"

namespace rl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{50};            // between looks at workers and the stop flag
constexpr milliseconds kGoodbye{5000};           // for workers to leave
constexpr std::chrono::milliseconds kProgressEvery{200};
constexpr milliseconds kAsyncPublishEvery{10};   // async: weights need not outrun the workers
constexpr double kLogsPerRun = 2000.0;

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

rollout::RunConfig make_run_config(const TrainOptions& options, const EnvironmentSpec& spec,
                                   const Algorithm& algorithm) {
  const std::size_t slots = options.num_slots > 0 ? options.num_slots
                                                  : std::max<std::size_t>(options.num_workers, 1);
  // Asynchronous steps wait in open fragments while weights move on: short ones keep them fresh.
  constexpr std::size_t kShortFragment = 16;
  const bool async = options.mode == "async";
  const std::size_t fragment_steps =
      async ? std::min(options.fragment_steps,
                       std::max(algorithm.steps_per_round(), kShortFragment))
            : options.fragment_steps;
  return {.environment = spec.name,
          .seed = options.seed,
          .num_environments = static_cast<std::uint32_t>(options.num_environments),
          .num_slots = static_cast<std::uint32_t>(slots),
          .mode = async ? rollout::Mode::async : rollout::Mode::lockstep,
          .steps_per_round = static_cast<std::uint32_t>(algorithm.steps_per_round()),
          .fragment_steps = static_cast<std::uint32_t>(fragment_steps)};
}

// Two updates' worth over all workers, in blocks as sent: what waits in the inbox grows stale. In
// lockstep no worker can run ahead, and the default is only a bound.
std::size_t credit_bytes(const rollout::RunConfig& config, const FragmentSchema& schema) {
  const std::size_t ample = transport::LearnerOptions{}.credit_bytes;
  if (config.mode == rollout::Mode::lockstep) return ample;
  const std::size_t update = config.num_environments * schema.block_bytes(config.steps_per_round);
  const std::size_t fragment = schema.block_bytes(config.fragment_steps);
  return std::clamp(2 * update / config.num_slots, 2 * fragment, std::max(ample, 2 * fragment));
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

replay::TableOptions seeded(replay::TableOptions options, std::uint64_t seed) {
  options.seed = seed;
  return options;
}

}  // namespace

Trainer::Trainer(const TrainOptions& options, const EnvironmentRegistry& registry,
                 const TrainHooks& hooks)
    : options_(options),
      registry_(registry),
      hooks_(hooks),
      spec_(find_spec(options, registry, hooks)),
      schema_(std::make_shared<const FragmentSchema>(make_schema(spec_))),
      algorithm_(make_algorithm(options, spec_)),
      config_(make_run_config(options, spec_, *algorithm_)),
      folder_(options),
      table_(seeded(algorithm_->table_options(), options.seed)),
      assembler_(options.num_environments) {
  if (!hooks.external_environment && options.spec_file.empty()) {
    evaluator_ = std::make_unique<Evaluator>(
        registry, spec_.name,
        rollout::EvaluationOptions{.episodes = options.evaluation_episodes,
                                   .environments = options.evaluation_environments,
                                   .seed = options.seed});
  }
  state_.next_evaluation = options.evaluate_every;
}

TrainSummary Trainer::run() {
  start();
  while (!finished()) {
    publish();
    if (!collect()) break;
    update();
    evaluate_if_due();
    checkpoint_if_due();
    report();
  }
  return finish();
}

bool Trainer::finished() const {
  if (state_.environment_steps >= options_.total_steps) return true;
  return options_.has_stop_return && state_.last_evaluation >= options_.stop_return;
}

double Trainer::elapsed_seconds() const {
  return state_.wall_seconds +
         std::chrono::duration<double>(steady_clock().now() - started_).count();
}

TrainingProgress Trainer::progress() const {
  return {.environment_steps = state_.environment_steps,
          .total_steps = options_.total_steps,
          .weight_version = state_.weight_version};
}

void Trainer::log(const std::string& line) const {
  if (hooks_.log) hooks_.log(line);
}

void Trainer::start() {
  set_up_torch();
  started_ = last_checkpoint_ = last_progress_ = steady_clock().now();
  restore();
  folder_.write_config(hooks_.config_text);
  folder_.open_metrics(state_.environment_steps);
  steps_at_start_ = state_.environment_steps;

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
  pool_ = std::make_unique<rollout::WorkerPool>(workers, registry_,
                                                [this](const auto& line) { log(line); });
}

void Trainer::restore() {
  std::vector<std::string> warnings;
  const auto checkpoint = folder_.load(&warnings);
  for (const auto& warning : warnings) log(warning);
  if (!checkpoint) return;
  const auto part = [&](const char* name) -> std::span<const std::byte> {
    const auto found = checkpoint->parts.find(name);
    if (found != checkpoint->parts.end()) return found->second;
    throw Error({.where = folder_.path().string(),
                 .what = "the checkpoint lacks a part",
                 .expected = name,
                 .remedy = "it was not written by a training run"});
  };
  require_same_run(checkpoint->facts);
  algorithm_->load_state(part("algorithm.safetensors"));
  table_.load_state(part("replay.bin"), schema_);
  assembler_.load_state(part("environments.bin"));
  if (evaluator_) evaluator_->load_state(part("evaluation.bin"));
  state_ = run_state_from_bytes(part("run.bin"));
  checkpointed_steps_ = state_.environment_steps;
  log("resumed at " + std::to_string(state_.environment_steps) + " steps, weights version " +
      std::to_string(state_.weight_version));
}

void Trainer::require_same_run(const std::map<std::string, std::string>& facts) const {
  for (const auto& [name, now] : identity()) {
    const auto then = facts.find(name);
    if (then != facts.end() && then->second == now) continue;
    throw Error({.where = folder_.path().string(),
                 .what = "the run to resume has another " + name,
                 .expected = then == facts.end() ? "a recorded one" : then->second,
                 .got = now,
                 .remedy = "resume with the options of the first start, or choose another --out"});
  }
}

std::map<std::string, std::string> Trainer::identity() const {
  return {{"algorithm", options_.algorithm},
          {"environment", spec_.name},
          {"mode", options_.mode},
          {"num-envs", std::to_string(options_.num_environments)},
          {"seed", std::to_string(options_.seed)}};
}

std::map<std::string, std::string> Trainer::facts(
    std::map<std::string, std::string> more) const {
  more.merge(identity());
  return more;
}

void Trainer::assign_slots(std::uint64_t round) {
  for (std::uint32_t slot = 0; slot < config_.num_slots; ++slot) {
    const auto range = rollout::environments_of_slot(config_, slot);
    const auto begin = assembler_.continuations().begin() + range.first;
    endpoint_->set_assignment(
        slot, rollout::to_bytes(rollout::Assignment{
                  .round = round, .continuations = {begin, begin + range.count}}));
  }
}

// In lockstep every round has its version, whether the weights changed or not.
void Trainer::publish() {
  if (!lockstep()) {
    const Nanoseconds now = steady_clock().now();
    if (!updated_ || (published_.image && now - last_publication_ < kAsyncPublishEvery)) return;
    last_publication_ = now;
  }
  published_.version = state_.weight_version + 1;
  published_.image = std::make_shared<const Bytes>(algorithm_->weights_image(progress()));
  if (lockstep()) {
    assign_slots(published_.version);
    assembler_.begin(published_.version);
  } else {
    state_.weight_version = published_.version;
  }
  endpoint_->publish(published_);
  updated_ = false;
}

bool Trainer::collect() { return lockstep() ? collect_round() : collect_ready(); }

bool Trainer::collect_round() {
  if (!look_after_workers()) return false;
  const auto patience = std::chrono::duration<double>(options_.worker_wait);
  Nanoseconds last_arrival = steady_clock().now();
  while (!assembler_.complete()) {
    const auto received = endpoint_->receive(kPatience);
    if (!received) {
      if (!look_after_workers()) return false;
      if (steady_clock().now() - last_arrival > patience) {
        throw Error({.where = "round " + std::to_string(published_.version),
                     .what = "no experience came for " + std::to_string(options_.worker_wait) +
                             " s; " + std::to_string(assembler_.missing().size()) +
                             " environments are missing, the first is number " +
                             std::to_string(assembler_.missing().front()),
                     .remedy = "start the missing workers and resume, or raise --worker-wait"});
      }
      continue;
    }
    last_arrival = steady_clock().now();
    ++state_.fragments_received;
    if (!belongs_here(*received)) continue;
    const Arrival arrival = assembler_.add(received->fragment);
    if (arrival == Arrival::duplicate) drop(LearnerDrop::duplicate);
    if (arrival == Arrival::stale_round) drop(LearnerDrop::stale_round);
  }
  for (const auto& fragment : assembler_.take()) insert(fragment);
  state_.weight_version = published_.version;
  if (pool_) pool_->made_progress();
  return true;
}

// What has arrived, up to one update's worth: the rest stays in the inbox, where it holds back the
// workers' credit, so that experience is used at the rate it is made.
bool Trainer::collect_ready() {
  const std::size_t wanted = std::size_t{config_.steps_per_round} * config_.num_environments;
  milliseconds wait = kPatience;
  for (std::size_t steps = 0; steps < wanted;) {
    const auto received = endpoint_->receive(wait);
    if (!received) break;
    wait = milliseconds(0);
    ++state_.fragments_received;
    if (!belongs_here(*received)) continue;
    steps += received->fragment->num_steps();
    insert(received->fragment);
    if (pool_) pool_->made_progress();
  }
  return look_after_workers();
}

bool Trainer::belongs_here(const transport::ReceivedFragment& received) {
  const auto range = rollout::environments_of_slot(config_, received.slot);
  const std::uint64_t environment = received.fragment->header().environment;
  if (environment >= range.first && environment - range.first < range.count) return true;
  drop(LearnerDrop::foreign_environment);
  return false;
}

void Trainer::insert(const FragmentPtr& fragment) {
  const FragmentHeader& header = fragment->header();
  if (!table_.insert(fragment, kGoodbye)) {
    throw Error({.where = "replay table",
                 .what = "the rate limiter held an insert back for " +
                         std::to_string(kGoodbye.count()) + " ms",
                 .remedy = "the table's limiter does not fit the algorithm"});
  }
  ++state_.fragments_inserted;
  state_.environment_steps += header.num_steps;
  if (header.end != FragmentEnd::running) {
    state_.count_episode(header.episode_return, header.first_step + header.num_steps);
  }
  const auto versions = fragment->column<std::int64_t>(schema_->require(kPolicyVersionColumn));
  const auto behind = static_cast<double>(published_.version) - static_cast<double>(versions[0]);
  constexpr double kSmoothing = 0.05;
  staleness_ += kSmoothing * (behind - staleness_);
}

bool Trainer::look_after_workers() {
  note_events();
  if (pool_) pool_->watch();
  interrupted_ = hooks_.stop != nullptr && *hooks_.stop != 0;
  return !interrupted_;
}

void Trainer::note_events() {
  while (const auto event = endpoint_->poll_event()) {
    static constexpr std::array<const char*, 5> kVerbs{"joined", "left", "was lost", "was refused",
                                                       "misbehaved"};
    log(event->worker_name + " (slot " + std::to_string(event->slot) + ") " +
        kVerbs[static_cast<std::size_t>(event->kind)] +
        (event->reason.empty() ? "" : ": " + event->reason));
  }
}

void Trainer::update() {
  const auto report = algorithm_->update(table_, progress());
  if (!report) return;
  updated_ = true;
  state_.gradient_steps += report->gradient_steps;
  state_.skipped_steps += report->skipped_steps;
  drop(LearnerDrop::stale_weights, report->fragments_stale);
  for (const auto& [name, value] : report->metrics) metric_sums_[name] += value;
  ++metric_updates_;
}

// An evaluation is looked at a quarter of an interval after its start, so that it runs beside the
// training and still takes effect at a step that does not depend on its speed.
void Trainer::evaluate_if_due() {
  if (!evaluator_ || options_.evaluate_every == 0) return;
  const std::uint64_t lag = options_.evaluate_every / 4;
  const bool due = state_.environment_steps >= evaluator_->started_at() + lag;
  if (evaluator_->busy() && (lockstep() ? due : evaluator_->ready())) apply(evaluator_->finish());
  if (evaluator_->busy() || state_.environment_steps < state_.next_evaluation) return;
  state_.next_evaluation = state_.environment_steps + options_.evaluate_every;
  evaluator_->start({.run_id = published_.run_id,
                     .version = state_.weight_version + 1,
                     .image = std::make_shared<const Bytes>(algorithm_->weights_image(progress()))},
                    state_.environment_steps);
}

void Trainer::apply(Evaluated evaluated) {
  state_.last_evaluation = evaluated.mean_return;
  folder_.write_metrics(evaluated.environment_steps, elapsed_seconds(),
                        {{"evaluation/return", evaluated.mean_return},
                         {"evaluation/return_standard_error", evaluated.standard_error},
                         {"evaluation/episode_length", evaluated.mean_length}});
  if (evaluated.mean_return <= state_.best_evaluation) return;
  state_.best_evaluation = evaluated.mean_return;
  folder_.save_best({.number = evaluated.environment_steps,
                     .parts = {{"weights.safetensors", *evaluated.image}},
                     .facts = facts({{"environment_steps", std::to_string(evaluated.environment_steps)},
                                     {"evaluation_return", std::to_string(evaluated.mean_return)},
                                     {"weight_version", std::to_string(evaluated.weight_version)}})});
}

void Trainer::checkpoint() {
  const Bytes weights = algorithm_->weights_image(progress());
  RunState saved = state_;
  saved.wall_seconds = elapsed_seconds();
  folder_.save({.number = state_.environment_steps,
                .parts = {{"weights.safetensors", weights},
                          {"algorithm.safetensors", algorithm_->save_state()},
                          {"replay.bin", table_.save_state()},
                          {"environments.bin", assembler_.save_state()},
                          {"evaluation.bin", evaluator_ ? evaluator_->save_state() : Bytes{}},
                          {"run.bin", to_bytes(saved)}},
                .facts = facts({{"environment_steps", std::to_string(state_.environment_steps)},
                                {"weight_version", std::to_string(state_.weight_version)},
                                {"weights_digest", to_hex(digest(weights))}})});
  checkpointed_steps_ = state_.environment_steps;
  last_checkpoint_ = steady_clock().now();
}

void Trainer::checkpoint_if_due() {
  if (options_.checkpoint_every <= 0.0) return;
  const std::chrono::duration<double> since = steady_clock().now() - last_checkpoint_;
  if (since.count() >= options_.checkpoint_every) checkpoint();
}

void Trainer::report() {
  if (state_.environment_steps >= state_.next_log) {
    const double step = std::max(1.0, static_cast<double>(options_.total_steps) / kLogsPerRun);
    state_.next_log = state_.environment_steps + static_cast<std::uint64_t>(step);
    log_metrics();
  }
  const Nanoseconds now = steady_clock().now();
  if (!hooks_.progress || now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  hooks_.progress(progress_now());
}

double Trainer::steps_per_second() const {
  const double seconds = std::chrono::duration<double>(steady_clock().now() - started_).count();
  return static_cast<double>(state_.environment_steps - steps_at_start_) / std::max(seconds, 1e-9);
}

Progress Trainer::progress_now() const {
  return {.steps = state_.environment_steps,
          .total_steps = options_.total_steps,
          .steps_per_second = steps_per_second(),
          .mean_return = state_.mean_recent_return(),
          .evaluation_return = state_.last_evaluation,
          .staleness = staleness_,
          .wall_seconds = elapsed_seconds()};
}

void Trainer::log_metrics() {
  std::map<std::string, double> metrics;
  for (const auto& [name, sum] : metric_sums_) {
    metrics[name] = sum / static_cast<double>(metric_updates_);
  }
  metric_sums_.clear();
  metric_updates_ = 0;
  const auto counters = endpoint_->counters();
  metrics["rollout/episode_return"] = state_.mean_recent_return();
  metrics["rollout/episode_length"] = state_.mean_recent_length();
  metrics["rollout/episodes"] = static_cast<double>(state_.episodes);
  metrics["time/steps_per_second"] = steps_per_second();
  metrics["learner/gradient_steps"] = static_cast<double>(state_.gradient_steps);
  metrics["learner/skipped_steps"] = static_cast<double>(state_.skipped_steps);
  metrics["learner/weight_version"] = static_cast<double>(state_.weight_version);
  metrics["learner/staleness"] = staleness_;
  metrics["transport/bytes_received"] = static_cast<double>(counters.bytes_received);
  metrics["transport/workers"] = static_cast<double>(endpoint_->workers().size());
  std::erase_if(metrics, [](const auto& metric) { return !std::isfinite(metric.second); });
  folder_.write_metrics(state_.environment_steps, elapsed_seconds(), metrics);
}

TrainSummary Trainer::finish() {
  if (evaluator_ && !interrupted_) evaluate_final();
  const bool all_left = endpoint_->stop_workers(kGoodbye);
  if (pool_) pool_->join(all_left ? kGoodbye : milliseconds(0));
  note_events();
  if (state_.environment_steps > checkpointed_steps_ || folder_.is_empty()) checkpoint();
  log_metrics();
  folder_.write_report();
  return summarise(algorithm_->weights_image(progress()));
}

// The last evaluation is of the final weights.
void Trainer::evaluate_final() {
  if (evaluator_->busy()) apply(evaluator_->finish());
  evaluator_->start({.run_id = published_.run_id,
                     .version = state_.weight_version + 1,
                     .image = std::make_shared<const Bytes>(algorithm_->weights_image(progress()))},
                    state_.environment_steps);
  apply(evaluator_->finish());
}

TrainSummary Trainer::summarise(const Bytes& weights) const {
  TrainSummary summary;
  const bool reached = options_.has_stop_return && state_.last_evaluation >= options_.stop_return;
  summary.end = interrupted_ ? TrainEnd::interrupted
                : reached    ? TrainEnd::return_reached
                             : TrainEnd::steps_reached;
  summary.environment_steps = state_.environment_steps;
  summary.episodes = state_.episodes;
  summary.updates = state_.gradient_steps;
  summary.skipped_updates = state_.skipped_steps;
  summary.weight_version = state_.weight_version;
  summary.wall_seconds = std::chrono::duration<double>(steady_clock().now() - started_).count();
  summary.last_evaluation = state_.last_evaluation;
  summary.best_evaluation = state_.best_evaluation;
  summary.worker_restarts = pool_ ? pool_->num_restarts() : 0;
  summary.fragments_received = state_.fragments_received;
  const auto stale = state_.dropped[static_cast<std::size_t>(LearnerDrop::stale_weights)];
  summary.fragments_used = state_.fragments_inserted - stale;
  for (std::size_t i = 0; i < state_.dropped.size(); ++i) {
    if (state_.dropped[i] == 0) continue;
    summary.fragments_dropped += state_.dropped[i];
    summary.dropped_by_reason += (summary.dropped_by_reason.empty() ? "" : ", ") +
                                 std::string(name(static_cast<LearnerDrop>(i))) + " " +
                                 std::to_string(state_.dropped[i]);
  }
  summary.weights_digest = to_hex(digest(weights));
  summary.out = folder_.path().string();
  return summary;
}

TrainSummary train(const TrainOptions& options, const EnvironmentRegistry& registry,
                   const TrainHooks& hooks) {
  validate(options);
  return Trainer(options, registry, hooks).run();
}

}  // namespace rl
