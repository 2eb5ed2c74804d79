// Checkpoints that survive a kill at any instant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rl/core/bytes.h"

namespace rl {

// Named parts saved together: all of them or none.
struct Checkpoint {
  std::uint64_t number = 0;            // rises with every save
  std::map<std::string, Bytes> parts;  // e.g. "weights.safetensors", "learner.safetensors"
  std::map<std::string, std::string> facts;  // small texts shown by `corral inspect`
};

// A folder of checkpoints: <folder>/<number>/<part> with a manifest of sizes and digests written
// last. Each file: temporary name, write, fsync, rename, fsync of the folder. See docs/checkpoint.md.
// Threads: one at a time. One process writes; others may read meanwhile.
class CheckpointStore {
 public:
  CheckpointStore(std::filesystem::path folder, std::size_t keep);

  // Saves and then removes the oldest beyond `keep`. Throws Error (disk full, no permission) and
  // leaves the earlier checkpoints as they were, with no litter.
  void save(const Checkpoint& checkpoint);

  // The newest whole checkpoint: damaged or unfinished ones are passed over, with a line for each
  // in `warnings`. nullopt when there is none.
  std::optional<Checkpoint> load_newest(std::vector<std::string>* warnings) const;
  Checkpoint load(std::uint64_t number) const;  // throws Error saying what is damaged

  std::vector<std::uint64_t> numbers() const;  // with a manifest, ascending

 private:
  std::filesystem::path folder_;
  std::size_t keep_;
};

}  // namespace rl
