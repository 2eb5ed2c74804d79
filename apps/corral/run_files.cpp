#include "apps/corral/run_files.h"

#include <charconv>
#include <cstdio>
#include <optional>

#include "rl/core/error.h"
#include "rl/formats/checkpoint.h"

namespace rl::app {
namespace {

constexpr const char* kWeightsPart = "weights.safetensors";

std::optional<Checkpoint> newest(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  std::vector<std::string> warnings;
  std::optional<Checkpoint> checkpoint = CheckpointStore(folder, 1).load_newest(&warnings);
  for (const std::string& warning : warnings) std::fprintf(stderr, "%s\n", warning.c_str());
  return checkpoint;
}

std::string fact(const Checkpoint& checkpoint, const std::string& name) {
  const auto found = checkpoint.facts.find(name);
  return found == checkpoint.facts.end() ? "" : found->second;
}

std::uint64_t version_of(const Checkpoint& checkpoint) {
  const std::string text = fact(checkpoint, "weight_version");
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version > 0 ? version : 1;
}

}  // namespace

TrainedWeights load_trained_weights(const std::filesystem::path& run, const std::string& which) {
  if (!std::filesystem::is_directory(run)) {
    throw Error({.where = run.string(), .what = "there is no such folder",
                 .expected = "the folder of a run", .remedy = "name the --out of corral train"});
  }
  std::optional<Checkpoint> checkpoint;
  if (which == "best") checkpoint = newest(run / "best");
  if (!checkpoint) checkpoint = newest(run / "checkpoints");
  if (!checkpoint || !checkpoint->parts.contains(kWeightsPart)) {
    throw Error({.where = run.string(), .what = "the folder holds no whole checkpoint",
                 .remedy = "train first: corral train --out " + run.string()});
  }
  const std::string environment = fact(*checkpoint, "environment");
  const std::string steps = fact(*checkpoint, "environment_steps");
  auto image = std::make_shared<const Bytes>(std::move(checkpoint->parts.at(kWeightsPart)));
  return {.snapshot = {.version = version_of(*checkpoint), .image = std::move(image)},
          .environment = environment,
          .environment_steps = steps,
          .facts = std::move(checkpoint->facts)};
}

}  // namespace rl::app
