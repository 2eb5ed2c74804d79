#include "learner/evaluator.h"

#include <chrono>
#include <span>

namespace rl {

EvaluateFunction environment_evaluation(const EnvironmentRegistry& registry,
                                        std::string environment,
                                        rollout::EvaluationOptions options) {
  return [&registry, environment = std::move(environment), options = std::move(options)](
             const WeightSnapshot& snapshot, const std::atomic<bool>& stop) {
    rollout::EvaluationOptions stoppable = options;
    stoppable.stop = &stop;
    const auto result = rollout::evaluate(registry, environment, snapshot, stoppable);
    Evaluated evaluated;
    evaluated.mean_return = result.mean_return();
    evaluated.standard_error = result.standard_error();
    evaluated.mean_length = result.mean_length();
    return evaluated;
  };
}

Evaluator::Evaluator(EvaluateFunction evaluate) : evaluate_(std::move(evaluate)) {}

Evaluator::~Evaluator() {
  stop_ = true;
  if (running_.valid()) running_.wait();
}

void Evaluator::start(const WeightSnapshot& snapshot, std::uint64_t environment_steps) {
  started_at_ = environment_steps;
  running_ = std::async(std::launch::async, [this, snapshot, environment_steps] {
    Evaluated result = evaluate_(snapshot, stop_);
    result.environment_steps = environment_steps;
    result.weight_version = snapshot.version;
    result.image = snapshot.image;
    return result;
  });
}

bool Evaluator::ready() const {
  return saved_ || (running_.valid() &&
                    running_.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
}

Evaluated Evaluator::finish() {
  if (saved_) {
    Evaluated result = std::move(*saved_);
    saved_.reset();
    return result;
  }
  return running_.get();
}

Bytes Evaluator::save_state() {
  if (!busy()) return {};
  saved_ = finish();
  ByteWriter out;
  out.put(saved_->environment_steps);
  out.put(saved_->weight_version);
  out.put(saved_->mean_return);
  out.put(saved_->standard_error);
  out.put(saved_->mean_length);
  out.put_bytes(*saved_->image);
  if (!saved_->samples.empty()) out.put_bytes(std::as_bytes(std::span(saved_->samples)));
  return out.take();
}

void Evaluator::load_state(std::span<const std::byte> state) {
  if (state.empty()) return;
  ByteReader in(state, "saved evaluation");
  Evaluated result;
  result.environment_steps = in.get<std::uint64_t>();
  result.weight_version = in.get<std::uint64_t>();
  result.mean_return = in.get<double>();
  result.standard_error = in.get<double>();
  result.mean_length = in.get<double>();
  const auto image = in.get_bytes();
  if (in.remaining() > 0) {
    const auto samples = in.get_bytes();
    result.samples.assign(reinterpret_cast<const char*>(samples.data()), samples.size());
  }
  in.expect_end();
  result.image = std::make_shared<const Bytes>(image.begin(), image.end());
  started_at_ = result.environment_steps;
  saved_ = std::move(result);
}

}  // namespace rl
