#include "rl/cli/train_option_table.h"

#include "rl/cli/ini.h"
#include "src/cli/common_options.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

constexpr double kMostEnvironments = 1048576;
constexpr double kWidestLayer = 65536;
const std::vector<std::string> kActivations{"tanh", "relu"};

void add_run(OptionTable& table, TrainOptions& o) {
  table.group("The run");
  table.add({"algo", &o.algorithm, "NAME", {}, "what learns; `corral algorithms` tells more",
             {"ppo", "dqn"}});
  table.add({"env", &o.environment, "NAME", {}, "what it learns; `corral envs` lists them"});
  table.add({"spec-file", &o.spec_file, "FILE", {},
             "the spec of a simulator that connects by itself, instead of --env"});
  table.add({"steps", &o.total_steps, "environment steps", at_least(1),
             "length of the run, over all environments"});
  table.add({"seed", &o.seed, "", {}, "same seed and lockstep mode: same weights to the bit"});
  table.add({"stop-return", MaybeNumber{&o.stop_return, &o.has_stop_return}, "", {},
             "end early when an evaluation's mean return reaches X"});
  table.add({"out", &o.out, "DIR", {}, "folder for configuration, metrics, report, checkpoints"});
  add_resume(table, o.resume);
  table.add({"mode", &o.mode, "MODE", {},
             "lockstep repeats exactly; async never waits for a slow worker",
             {"lockstep", "async"}});
  table.add({"device", &o.device, "DEVICE", {}, "where the learner computes", {"cpu", "cuda"}});
  table.add({"quiet", &o.quiet, "", {}, "no progress line"});
}

void add_workers(OptionTable& table, TrainOptions& o) {
  table.group("Workers");
  table.add({"workers", &o.num_workers, "", from_to(0, kMostWorkers),
             "local workers to start; 0 waits for `corral worker --connect`"});
  add_worker_mode(table, o);
  table.add({"num-envs", &o.num_environments, "", from_to(1, kMostEnvironments),
             "environments over all workers; part of what the result depends on"});
  table.add({"slots", &o.num_slots, "", from_to(0, kMostWorkers),
             "shares of the environments, one per worker at a time; 0: as many as workers"});
  add_connection(table, o);
  table.add({"fragment-steps", &o.fragment_steps, "steps", from_to(1, 65536),
             "most steps a worker sends in one piece"});
  add_worker_wait(table, o);
}

void add_evaluation(OptionTable& table, TrainOptions& o) {
  table.group("Evaluation and checkpoints");
  table.add({"eval-every", &o.evaluate_every, "environment steps", {},
             "between evaluations; 0: only at the end"});
  table.add({"eval-episodes", &o.evaluation_episodes, "episodes", from_to(1, 1000000),
             "per evaluation"});
  table.add({"eval-envs", &o.evaluation_environments, "", from_to(1, 65536),
             "environments an evaluation steps side by side"});
  add_checkpoints(table, o);
}

void add_ppo(OptionTable& table, PpoOptions& o) {
  table.group("PPO (--algo ppo), or section [ppo] of a file");
  table.add({"ppo.hidden", &o.network.hidden, "", from_to(1, kWidestLayer),
             "widths of the hidden layers, of policy and value alike"});
  table.add({"ppo.activation", &o.network.activation, "NAME", {}, "after each hidden layer",
             kActivations});
  table.add({"ppo.rollout-steps", &o.rollout_steps, "steps", at_least(1),
             "per environment and update"});
  table.add({"ppo.epochs", &o.epochs, "", at_least(1), "passes over each batch"});
  table.add({"ppo.minibatch-size", &o.minibatch_size, "steps", at_least(1),
             "per gradient step"});
  table.add({"ppo.learning-rate", &o.learning_rate, "", above(0), "of Adam"});
  table.add({"ppo.anneal-learning-rate", &o.anneal_learning_rate, "", {},
             "fall linearly to 0 at the end of the run"});
  table.add({"ppo.adam-epsilon", &o.adam_epsilon, "", above(0), "of Adam"});
  table.add({"ppo.discount", &o.discount, "", from_to(0, 1), "gamma"});
  table.add({"ppo.gae-lambda", &o.gae_lambda, "", from_to(0, 1),
             "lambda of generalised advantage estimation"});
  table.add({"ppo.clip", &o.clip, "", above(0), "how far the probability ratio may leave 1"});
  table.add({"ppo.value-clip", &o.value_clip, "", at_least(0),
             "how far the value may move per update; 0: any"});
  table.add({"ppo.value-coefficient", &o.value_coefficient, "", at_least(0),
             "weight of the value loss"});
  table.add({"ppo.entropy-coefficient", &o.entropy_coefficient, "", at_least(0),
             "weight of the entropy bonus"});
  table.add({"ppo.max-gradient-norm", &o.max_gradient_norm, "", above(0),
             "longer gradients are scaled down to this"});
  table.add({"ppo.target-kl", &o.target_kl, "", at_least(0),
             "stop an update's epochs above 1.5 times this; 0: never"});
  table.add({"ppo.normalise-advantages", &o.normalise_advantages, "", {}, "per minibatch"});
  table.add({"ppo.normalise-observations", &o.normalise_observations, "", {},
             "by running mean and variance, clipped to 10 deviations"});
  table.add({"ppo.normalise-rewards", &o.normalise_rewards, "", {},
             "by the running deviation of the discounted return, clipped to 10"});
  table.add({"ppo.initial-log-std", &o.initial_log_std, "", from_to(-20, 2),
             "continuous actions: log of the first standard deviation"});
  table.add({"ppo.squash-actions", &o.squash_actions, "", {},
             "continuous actions: through tanh into their bounds"});
  table.add({"ppo.max-staleness", &o.max_staleness, "weight versions", {},
             "async: older experience is dropped and counted"});
}

void add_dqn(OptionTable& table, DqnOptions& o) {
  table.group("DQN (--algo dqn), or section [dqn] of a file");
  table.add({"dqn.hidden", &o.network.hidden, "", from_to(1, kWidestLayer),
             "widths of the hidden layers"});
  table.add({"dqn.activation", &o.network.activation, "NAME", {}, "after each hidden layer",
             kActivations});
  table.add({"dqn.train-every", &o.train_every, "environment steps", at_least(1),
             "between updates, over all environments"});
  table.add({"dqn.updates-per-train", &o.updates_per_train, "", at_least(1),
             "gradient steps each time"});
  table.add({"dqn.batch-size", &o.batch_size, "transitions", at_least(1), "per gradient step"});
  table.add({"dqn.replay-capacity", &o.replay_capacity, "steps", at_least(1),
             "the oldest leave above this"});
  table.add({"dqn.learning-starts", &o.learning_starts, "environment steps", {},
             "before the first update"});
  table.add({"dqn.learning-rate", &o.learning_rate, "", above(0), "of Adam"});
  table.add({"dqn.anneal-learning-rate", &o.anneal_learning_rate, "", {},
             "fall linearly to 0 at the end of the run"});
  table.add({"dqn.discount", &o.discount, "", from_to(0, 1), "gamma"});
  table.add({"dqn.n-step", &o.n_step, "steps", at_least(1), "rewards summed before bootstrapping"});
  table.add({"dqn.double-q", &o.double_q, "", {},
             "choose the next action by the online network, value it by the target"});
  table.add({"dqn.prioritised", &o.prioritised, "", {}, "replay by the size of the error"});
  table.add({"dqn.priority-exponent", &o.priority_exponent, "", from_to(0, 1),
             "alpha of prioritised replay"});
  table.add({"dqn.importance-exponent", &o.importance_exponent, "", from_to(0, 1),
             "beta of prioritised replay at the start, rising to 1"});
  table.add({"dqn.target-update-every", &o.target_update_every, "environment steps", at_least(1),
             "between copies into the target network"});
  table.add({"dqn.max-gradient-norm", &o.max_gradient_norm, "", above(0),
             "longer gradients are scaled down to this"});
  table.add({"dqn.epsilon-start", &o.epsilon_start, "", from_to(0, 1),
             "share of random actions at the start"});
  table.add({"dqn.epsilon-end", &o.epsilon_end, "", from_to(0, 1), "and after the decline"});
  table.add({"dqn.epsilon-fraction", &o.epsilon_fraction, "of the run", from_to(0, 1),
             "length of the decline"});
}

}  // namespace

OptionTable train_option_table(TrainOptions& options) {
  OptionTable table;
  add_run(table, options);
  add_workers(table, options);
  add_evaluation(table, options);
  add_ppo(table, options.ppo);
  add_dqn(table, options.dqn);
  return table;
}

std::string train_config_text(const TrainOptions& options) {
  return run_config_text(options, train_option_table);
}

TrainOptions read_train_config(const std::string& path) {
  TrainOptions options;
  OptionTable table = train_option_table(options);
  table.set_all(read_ini(path, table));
  return options;
}

}  // namespace rl::cli
