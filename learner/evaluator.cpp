#include "learner/evaluator.h"

#include <chrono>

namespace rl {

Evaluator::Evaluator(const EnvironmentRegistry& registry, std::string environment,
                     rollout::EvaluationOptions options)
    : registry_(registry), environment_(std::move(environment)), options_(std::move(options)) {
  options_.stop = &stop_;
}

Evaluator::~Evaluator() {
  stop_ = true;
  if (running_.valid()) running_.wait();
}

void Evaluator::start(const WeightSnapshot& snapshot, std::uint64_t environment_steps) {
  started_at_ = environment_steps;
  running_ = std::async(std::launch::async, [this, snapshot, environment_steps] {
    const auto result = rollout::evaluate(registry_, environment_, snapshot, options_);
    return Evaluated{.environment_steps = environment_steps,
                     .weight_version = snapshot.version,
                     .image = snapshot.image,
                     .mean_return = result.mean_return(),
                     .standard_error = result.standard_error(),
                     .mean_length = result.mean_length()};
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
  in.expect_end();
  result.image = std::make_shared<const Bytes>(image.begin(), image.end());
  started_at_ = result.environment_steps;
  saved_ = std::move(result);
}

}  // namespace rl
