#include "learner/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "rl/core/error.h"

namespace rl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{50};           // between looks at workers and the stop flag
constexpr milliseconds kGoodbye{5000};          // for workers to leave
constexpr milliseconds kAsyncPublishEvery{10};  // async: weights need not outrun the workers

// Of the first step that a policy took: the tokens of a prompt carry version 0.
std::int64_t acting_version(const Fragment& fragment) {
  const auto versions =
      fragment.column<std::int64_t>(fragment.schema().require(kPolicyVersionColumn));
  const auto acted = std::find_if(versions.begin(), versions.end(), [](auto v) { return v > 0; });
  return acted == versions.end() ? versions.front() : *acted;
}

}  // namespace

TrainSummary Trainer::run() {
  start();
  while (!finished()) {
    timed("publish", &Trainer::publish);
    timed("collect", &Trainer::collect);
    if (interrupted_) break;
    timed("update", &Trainer::update);
    timed("evaluate", &Trainer::evaluate_if_due);
    timed("checkpoint", &Trainer::checkpoint_if_due);
    report();
  }
  return finish();
}

void Trainer::timed(const char* name, void (Trainer::*phase)()) {
  const Nanoseconds begun = steady_clock().now();
  (this->*phase)();
  const std::chrono::duration<double> passed = steady_clock().now() - begun;
  count("time/" + std::string(name) + "_seconds", passed.count());
}

bool Trainer::finished() const {
  if (steps_done() >= options_.total_steps) return true;
  return reached_return();
}

double Trainer::elapsed_seconds() const {
  return state_.wall_seconds +
         std::chrono::duration<double>(steady_clock().now() - started_).count();
}

TrainingProgress Trainer::progress() const {
  return {.environment_steps = steps_done(),
          .total_steps = options_.total_steps,
          .weight_version = state_.weight_version};
}

void Trainer::log(const std::string& line) const {
  if (hooks_.log) hooks_.log(line);
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

// Every round has its version, whether the weights changed or not.
void Trainer::publish() {
  if (!by_rounds()) {
    const Nanoseconds now = steady_clock().now();
    if (!updated_ || (published_.image && now - last_publication_ < kAsyncPublishEvery)) return;
    last_publication_ = now;
  }
  published_ = finite_weights(state_.weight_version + 1);
  if (log_prob_check_) log_prob_check_->publish(published_);
  if (by_rounds()) {
    assign_slots(published_.version);
    assembler_.begin(published_.version);
  } else {
    state_.weight_version = published_.version;
  }
  endpoint_->publish(published_);
  updated_ = false;
}

void Trainer::collect() {
  if (by_rounds()) {
    collect_round();
  } else {
    collect_ready();
  }
}

void Trainer::collect_round() {
  if (!look_after_workers()) return;
  const auto patience = std::chrono::duration<double>(options_.worker_wait);
  Nanoseconds last_arrival = steady_clock().now();
  while (!assembler_.complete()) {
    const auto received = endpoint_->receive(kPatience);
    if (take_refused()) last_arrival = steady_clock().now();
    if (!received) {
      if (!look_after_workers()) return;
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
    ++state_.fragments_received;
    if (!belongs_here(received->fragment->header(), received->slot)) continue;
    if (!is_believed(*received)) continue;
    if (note(assembler_.add(received->fragment))) last_arrival = steady_clock().now();
  }
  const auto fragments = assembler_.take();
  require_usable(fragments.size());
  for (const auto& fragment : fragments) insert(fragment);
  state_.weight_version = published_.version;
  if (pool_) pool_->made_progress();
}

// What has arrived, up to one update's worth: the rest stays in the inbox, where it holds back the
// workers' credit, so that experience is used at the rate it is made.
void Trainer::collect_ready() {
  const std::size_t wanted = std::size_t{config_.steps_per_round} * config_.num_environments;
  milliseconds wait = kPatience;
  for (std::size_t steps = 0; steps < wanted;) {
    const auto received = endpoint_->receive(wait);
    take_refused();
    if (!received) break;
    wait = milliseconds(0);
    ++state_.fragments_received;
    if (!belongs_here(received->fragment->header(), received->slot)) continue;
    if (!is_believed(*received)) continue;
    steps += received->fragment->num_steps();
    insert(received->fragment);
    if (pool_) pool_->made_progress();
  }
  look_after_workers();
}

bool Trainer::note(Arrival arrival) {
  if (arrival == Arrival::duplicate) drop(LearnerDrop::duplicate);
  if (arrival == Arrival::stale_round) drop(LearnerDrop::stale_round);
  return arrival == Arrival::accepted;
}

// A refused fragment of an environment's bad values is a piece of its round all the same. The
// other reasons cost the worker its session: whoever takes its slot makes those fragments again.
bool Trainer::take_refused() {
  bool awaited = false;
  while (auto refused = endpoint_->poll_refused()) {
    ++state_.fragments_received;
    const FragmentHeader& header = refused->header;
    if (!belongs_here(header, refused->slot)) continue;
    if (refused->reason != transport::DropReason::out_of_spec) {
      drop(refused->reason == transport::DropReason::malformed ? LearnerDrop::malformed
                                                               : LearnerDrop::over_credit);
      continue;
    }
    if (by_rounds() && !note(assembler_.refuse(header, std::move(refused->continuation)))) continue;
    drop(LearnerDrop::out_of_spec);
    spoilt_episodes_[header.environment] = header.episode;
    last_defect_ = std::move(refused->defect);
    awaited = true;
  }
  return awaited;
}

// An environment whose every value is bad would otherwise keep the run going for ever.
void Trainer::require_usable(std::size_t fragments) {
  constexpr std::size_t kMostEmptyRounds = 1000;
  empty_rounds_ = fragments == 0 ? empty_rounds_ + 1 : 0;
  if (empty_rounds_ < kMostEmptyRounds) return;
  throw Error({.where = "round " + std::to_string(published_.version),
               .what = "every fragment of the last " + std::to_string(empty_rounds_) +
                       " rounds was out of spec",
               .got = last_defect_,
               .remedy = "correct the environment, or the bounds in its spec"});
}

bool Trainer::belongs_here(const FragmentHeader& header, std::uint32_t slot) {
  const auto range = rollout::environments_of_slot(config_, slot);
  const std::uint64_t environment = header.environment;
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
  const auto spoilt = spoilt_episodes_.find(header.environment);
  const bool whole = spoilt == spoilt_episodes_.end() || spoilt->second != header.episode;
  if (header.end != FragmentEnd::running && whole && std::isfinite(header.episode_return)) {
    state_.count_episode(header.episode_return, header.first_step + header.num_steps);
  }
  const auto behind = static_cast<double>(published_.version) -
                      static_cast<double>(acting_version(*fragment));
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
    if (event->kind == transport::WorkerEventKind::lost) replace_hung(event->worker_name);
  }
}

// Unless its successor is here already.
void Trainer::replace_hung(const std::string& worker_name) {
  if (!pool_) return;
  const auto workers = endpoint_->workers();
  const bool is_back = std::any_of(workers.begin(), workers.end(),
                                   [&](const auto& worker) { return worker.name == worker_name; });
  if (!is_back) pool_->give_up(worker_name);
}

void Trainer::update() {
  const auto report = algorithm_->update(table_, progress());
  if (!report) return;
  updated_ = true;
  state_.gradient_steps += report->gradient_steps;
  state_.skipped_steps += report->skipped_steps;
  drop(LearnerDrop::stale_weights, report->fragments_stale);
  drop(LearnerDrop::zero_variance, report->fragments_zero_variance);
  drop(LearnerDrop::surplus, report->fragments_surplus);
  if (rollback_.is_due(report->gradient_steps, report->skipped_steps)) {
    roll_back("too many of the last steps were not finite");
  }
  for (const auto& [name, value] : report->metrics) count(name, value);
}

// An evaluation is looked at a quarter of an interval after its start, so that it runs beside the
// training and still takes effect at a step that does not depend on its speed.
void Trainer::evaluate_if_due() {
  if (!evaluator_ || options_.evaluate_every == 0) return;
  const std::uint64_t lag = options_.evaluate_every / 4;
  const bool due = steps_done() >= evaluator_->started_at() + lag;
  if (evaluator_->busy() && (lockstep() ? due : evaluator_->ready())) apply(evaluator_->finish());
  if (evaluator_->busy() || steps_done() < state_.next_evaluation) return;
  state_.next_evaluation = steps_done() + options_.evaluate_every;
  evaluator_->start(finite_weights(state_.weight_version + 1), steps_done());
}

void Trainer::apply(Evaluated evaluated) {
  state_.last_evaluation = evaluated.mean_return;
  folder_.try_write_metrics(evaluated.environment_steps, elapsed_seconds(),
                            {{"evaluation/return", evaluated.mean_return},
                             {"evaluation/return_standard_error", evaluated.standard_error},
                             {"evaluation/episode_length", evaluated.mean_length}});
  folder_.attempt("samples.jsonl", [&] {
    if (parts_.write_samples) parts_.write_samples(evaluated.environment_steps, evaluated.samples);
  });
  if (!(evaluated.mean_return > state_.best_evaluation)) return;  // nor when it is not a number
  state_.best_evaluation = evaluated.mean_return;
  folder_.try_save_best(
      {.number = evaluated.environment_steps,
       .parts = {{"weights.safetensors", *evaluated.image}},
       .facts = facts({{"environment_steps", std::to_string(evaluated.environment_steps)},
                       {"evaluation_return", std::to_string(evaluated.mean_return)},
                       {"weight_version", std::to_string(evaluated.weight_version)}})});
}

TrainSummary Trainer::finish() {
  ended_by_return_ = reached_return();
  if (evaluator_ && !interrupted_) evaluate_final();
  const bool all_left = endpoint_->stop_workers(kGoodbye);
  if (pool_) pool_->join(all_left ? kGoodbye : milliseconds(0));
  note_events();
  save_last();
  drop_leftovers();
  log_metrics();
  folder_.try_write_report();
  return summarise(algorithm_->weights_image(progress()));
}

// What workers made beyond the last round.
void Trainer::drop_leftovers() {
  while (endpoint_->receive(milliseconds(0))) {
    ++state_.fragments_received;
    drop(LearnerDrop::run_ended);
  }
  drop(LearnerDrop::run_ended, assembler_.num_held());
}

// The last evaluation is of the final weights.
void Trainer::evaluate_final() {
  if (evaluator_->busy()) apply(evaluator_->finish());
  evaluator_->start(finite_weights(state_.weight_version + 1), steps_done());
  apply(evaluator_->finish());
}

}  // namespace rl
