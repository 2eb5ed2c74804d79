#include "rl/rollout/session.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "rl/core/error.h"
#include "rl/policies/policy.h"
#include "rl/rollout/episode_recorder.h"
#include "rl/rollout/run_config.h"
#include "rl/transport/worker_endpoint.h"

namespace rl::rollout {
namespace {

enum class Expecting { begin_episode, act, record };

const char* name(Expecting call) {
  switch (call) {
    case Expecting::begin_episode: return "begin_episode()";
    case Expecting::act: return "act() or end_episode()";
    case Expecting::record: return "record()";
  }
  return "";
}

void copy_rows(const std::vector<TensorSpec>& specs, ConstFields from, Fields to) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    std::memcpy(to.bytes(i), from.bytes(i), specs[i].row_bytes());
  }
}

struct Stream {
  EpisodeRecorder recorder;
  RngStream action_stream;
  Expecting expecting = Expecting::begin_episode;
  bool step_pending = false;  // action and reward are in, the observation after them is not
  float reward = 0.0F;
};

}  // namespace

struct Session::Impl {
  Impl(SessionOptions session_options, EnvironmentSpec environment)
      : options(std::move(session_options)),
        spec(std::move(environment)),
        schema(std::make_shared<const FragmentSchema>(make_schema(spec))) {
    validate(spec);
    connect(options.connect_deadline);
  }

  void connect(std::chrono::milliseconds deadline) {
    endpoint = std::make_unique<transport::WorkerEndpoint>(
        options.transport, transport::Hello{.worker_name = options.name,
                                            .spec_digest = digest(spec),
                                            .spec_text = describe(spec)});
    const transport::Welcome welcome = endpoint->connect(deadline);
    const RunConfig config = run_config_from_text(welcome.run_config);
    if (config.mode != Mode::async) {
      throw Error({.where = "session '" + options.name + "'",
                   .what = "the learner runs in lockstep mode, which needs workers that own the loop",
                   .expected = "--mode async",
                   .got = "lockstep",
                   .remedy = "start the learner with --mode async"});
    }
    endpoint->set_schema(schema);
    fragment_steps = config.fragment_steps;
    const EnvironmentRange range = environments_of_slot(config, welcome.slot);
    if (streams.size() != range.count) make_streams(config, range);
    counters.learner_present = true;
    take_weights(endpoint->wait_for_weights(1, deadline));
    if (policy == nullptr) {
      throw Error({.where = "session '" + options.name + "'",
                   .what = "the learner published no weights within " +
                           std::to_string(deadline.count()) + " ms",
                   .remedy = "see the learner's log, or raise connect_deadline"});
    }
  }

  void make_streams(const RunConfig& config, const EnvironmentRange& range) {
    streams.clear();
    for (std::uint32_t i = 0; i < range.count; ++i) {
      const std::uint64_t index = range.first + i;
      streams.push_back({EpisodeRecorder(schema, index),
                         RngStream(config.seed, RngRole::action, index)});
    }
  }

  // Between episodes only, so that a lost learner costs the simulator one short wait an episode.
  void look_for_learner() {
    try {
      connect(options.max_block);
    } catch (const Error&) {
      counters.learner_present = false;
    }
  }

  void take_weights(const std::optional<WeightSnapshot>& snapshot) {
    if (!snapshot) return;
    if (policy == nullptr) {
      policy = make_policy(spec, *snapshot);
    } else {
      policy->load(*snapshot);
    }
  }

  Stream& stream_for(Expecting call, std::size_t environment) {
    if (environment >= streams.size()) {
      throw Error({.where = "session '" + options.name + "'",
                   .what = "no such environment",
                   .expected = "0 to " + std::to_string(streams.size() - 1),
                   .got = std::to_string(environment)});
    }
    Stream& stream = streams[environment];
    if (stream.expecting != call) {
      throw Error({.where = "session '" + options.name + "'",
                   .what = "calls are out of order",
                   .expected = name(stream.expecting),
                   .got = name(call)});
    }
    return stream;
  }

  // The observation that follows the pending step completes it.
  void complete_step(Stream& stream, ConstFields observation, StepResult result) {
    copy_rows(spec.observations, observation, stream.recorder.next_observation());
    stream.recorder.record(result, policy->version());
    stream.step_pending = false;
    ++counters.steps;
    if (result.ended() || stream.recorder.is_full()) send(stream.recorder.finish());
  }

  void send(FragmentPtr fragment) {
    try {
      if (counters.learner_present && endpoint->send(std::move(fragment), options.max_block)) {
        ++counters.fragments_sent;
        return;
      }
    } catch (const transport::LearnerLost&) {
      counters.learner_present = false;
    }
    ++counters.fragments_dropped;
  }

  void exchange() {
    if (!counters.learner_present) return;
    try {
      endpoint->report_progress({.steps = counters.steps});
      endpoint->pump();
      take_weights(endpoint->take_weights());
      counters.stop_requested = endpoint->stop_requested();
    } catch (const transport::LearnerLost&) {
      counters.learner_present = false;
    }
    counters.policy_version = policy->version();
  }

  SessionOptions options;
  EnvironmentSpec spec;
  std::shared_ptr<const FragmentSchema> schema;
  std::unique_ptr<transport::WorkerEndpoint> endpoint;
  std::unique_ptr<Policy> policy;
  std::vector<Stream> streams;
  std::size_t fragment_steps = 1;
  SessionCounters counters;
};

Session::Session(SessionOptions options, EnvironmentSpec spec)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(spec))) {}

Session::~Session() = default;

std::size_t Session::num_environments() const { return impl_->streams.size(); }

void Session::begin_episode(std::size_t environment) {
  Stream& stream = impl_->stream_for(Expecting::begin_episode, environment);
  if (!impl_->counters.learner_present) impl_->look_for_learner();
  impl_->exchange();
  stream.expecting = Expecting::act;
}

void Session::act(ConstFields observation, Fields action, std::size_t environment) {
  Stream& stream = impl_->stream_for(Expecting::act, environment);
  EpisodeRecorder& recorder = stream.recorder;
  if (stream.step_pending) impl_->complete_step(stream, observation, {.reward = stream.reward});
  if (!recorder.is_open()) {
    recorder.open(impl_->fragment_steps);
    copy_rows(impl_->spec.observations, observation, recorder.observation());
  }
  impl_->exchange();
  const ActRow row{recorder.const_observation(), recorder.action(), recorder.log_prob(),
                   &stream.action_stream};
  impl_->policy->act({&row, 1}, ActMode::sample);
  copy_rows(impl_->spec.actions, recorder.const_action(), action);
  stream.expecting = Expecting::record;
}

void Session::record(float reward, std::size_t environment) {
  Stream& stream = impl_->stream_for(Expecting::record, environment);
  stream.reward = reward;
  stream.step_pending = true;
  stream.expecting = Expecting::act;
}

void Session::end_episode(End end, ConstFields final_observation, std::size_t environment) {
  Stream& stream = impl_->stream_for(Expecting::act, environment);
  if (!stream.step_pending) {
    throw Error({.where = "session '" + impl_->options.name + "'",
                 .what = "an episode ends after at least one step",
                 .expected = "act() and record() before end_episode()",
                 .got = "end_episode()"});
  }
  impl_->complete_step(stream, final_observation,
                       {.reward = stream.reward,
                        .terminated = end == End::terminated,
                        .truncated = end == End::truncated});
  ++impl_->counters.episodes;
  stream.expecting = Expecting::begin_episode;
}

SessionCounters Session::counters() const { return impl_->counters; }

bool Session::close(std::chrono::milliseconds deadline) {
  for (Stream& stream : impl_->streams) {
    if (stream.recorder.is_open() && stream.recorder.num_steps() > 0) {
      impl_->send(stream.recorder.finish());
    }
  }
  try {
    impl_->endpoint->flush();
    return impl_->counters.learner_present && impl_->endpoint->close(deadline);
  } catch (const transport::LearnerLost&) {
    return false;
  }
}

}  // namespace rl::rollout
