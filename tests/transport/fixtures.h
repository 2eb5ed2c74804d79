// A small run for the transport's tests.
#pragma once

#include <memory>
#include <string>

#include "rl/core/rng.h"
#include "rl/transport/learner_endpoint.h"
#include "rl/transport/worker_endpoint.h"

namespace rl::transport {

inline EnvironmentSpec small_environment() {
  return {.name = "Small-v0",
          .observations = {{.name = "state", .shape = {4}, .low = {-10.0}, .high = {10.0}}},
          .actions = {{.name = "move", .dtype = DType::i64, .low = {0.0}, .high = {1.0}}}};
}

inline RunManifest small_manifest(std::uint32_t num_slots = 2) {
  return {.run_id = 77,
          .environment = small_environment(),
          .schema = std::make_shared<const FragmentSchema>(make_schema(small_environment())),
          .run_config = "[run]\nseed = 1\n",
          .num_slots = num_slots};
}

inline Hello small_hello(const std::string& name = "worker") {
  return {.worker_name = name,
          .run_id = 77,
          .spec_digest = digest(small_environment()),
          .spec_text = describe(small_environment())};
}

// A valid fragment that can be told apart by (environment, sequence).
inline FragmentPtr small_fragment(const std::shared_ptr<const FragmentSchema>& schema,
                                  std::uint64_t environment, std::uint64_t sequence,
                                  std::size_t num_steps = 3) {
  Fragment fragment(schema, num_steps);
  fragment.header().environment = environment;
  fragment.header().sequence = sequence;
  RngStream random(sequence, RngRole::test, environment);
  for (float& value : fragment.column<float>(0)) value = random.uniform_f32();
  return std::make_shared<const Fragment>(std::move(fragment));
}

inline WeightSnapshot small_weights(std::uint64_t version, std::size_t bytes = 1000) {
  Bytes image(bytes);
  RngStream random(version, RngRole::test, bytes);
  for (auto& byte : image) byte = static_cast<std::byte>(random.below(256));
  return {
      .run_id = 77, .version = version, .image = std::make_shared<const Bytes>(std::move(image))};
}

}  // namespace rl::transport
