#include <cmath>
#include <numbers>

#include "rl/core/portable_math.h"
#include "rl/language/ops.h"

namespace rl::language {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

// cos of an angle in radians, any size, the same bits everywhere.
double cosine(double angle) {
  const double turns = angle / kTwoPi;
  return portable::cos_two_pi(turns - std::floor(turns));
}

double sine(double angle) {
  const double turns = angle / kTwoPi - 0.25;
  return portable::cos_two_pi(turns - std::floor(turns));
}

double power(double base, double exponent) {
  return portable::exp(exponent * portable::log(base));
}

// Llama 3.1: long wavelengths are slowed down by `factor`, short ones stay, those between blend.
double llama3_frequency(const Rope& rope, double frequency) {
  const double wavelength = kTwoPi / frequency;
  const double original = static_cast<double>(rope.original_positions);
  if (wavelength < original / rope.high_frequency_factor) return frequency;
  if (wavelength > original / rope.low_frequency_factor) return frequency / rope.factor;
  const double smooth = (original / wavelength - rope.low_frequency_factor) /
                        (rope.high_frequency_factor - rope.low_frequency_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

// YaRN (Peng et al. 2023): the dimension that turns `rotations` times over the original context.
double yarn_dimension(const Rope& rope, double dimensions, double rotations) {
  const double original = static_cast<double>(rope.original_positions);
  return dimensions * portable::log(original / (rotations * kTwoPi)) /
         (2.0 * portable::log(rope.theta));
}

double yarn_frequency(const Rope& rope, double dimensions, double index, double frequency) {
  const double low = std::max(std::floor(yarn_dimension(rope, dimensions, rope.beta_fast)), 0.0);
  const double high =
      std::min(std::ceil(yarn_dimension(rope, dimensions, rope.beta_slow)), dimensions - 1.0);
  const double width = high == low ? 0.001 : high - low;
  const double ramp = std::min(std::max((index - low) / width, 0.0), 1.0);
  return frequency / rope.factor * ramp + frequency * (1.0 - ramp);
}

double scaled_frequency(const Rope& rope, double dimensions, std::size_t index) {
  const double i = static_cast<double>(index);
  const double frequency = 1.0 / power(rope.theta, 2.0 * i / dimensions);
  switch (rope.scaling) {
    case RopeScaling::none: return frequency;
    case RopeScaling::linear: return frequency / rope.factor;
    case RopeScaling::llama3: return llama3_frequency(rope, frequency);
    case RopeScaling::yarn: return yarn_frequency(rope, dimensions, i, frequency);
  }
  return frequency;
}

double amplitude(const Rope& rope) {
  if (rope.scaling != RopeScaling::yarn) return 1.0;
  if (rope.attention_factor > 0.0) return rope.attention_factor;
  return rope.factor <= 1.0 ? 1.0 : 0.1 * portable::log(rope.factor) + 1.0;
}

}  // namespace

RotaryTable::RotaryTable(const ModelConfig& config, std::size_t positions) {
  if (config.learned_positions) return;
  half = config.head_dim / 2;
  cos.resize(positions * half);
  sin.resize(positions * half);
  const double scale = amplitude(config.rope);
  for (std::size_t i = 0; i < half; ++i) {
    // Frequency and angle are rounded to f32 as transformers rounds them.
    const float frequency = static_cast<float>(
        scaled_frequency(config.rope, static_cast<double>(config.head_dim), i));
    for (std::size_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(static_cast<float>(position) * frequency);
      cos[position * half + i] = static_cast<float>(cosine(angle) * scale);
      sin[position * half + i] = static_cast<float>(sine(angle) * scale);
    }
  }
}

}  // namespace rl::language
