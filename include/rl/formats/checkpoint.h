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
#include "rl/formats/files.h"

namespace rl {

// Named parts saved together: all of them or none.
struct Checkpoint {
  std::uint64_t number = 0;                  // rises with every save, e.g. environment steps
  std::map<std::string, Bytes> parts;        // plain file names, e.g. "weights.safetensors"
  std::map<std::string, std::string> facts;  // small texts shown by `corral inspect`
};

// A folder of checkpoints: <folder>/<number>/<part> and a MANIFEST of sizes and digests. A save
// builds <number>.partial, every file fsynced and the manifest last, then renames it into place and
// fsyncs the folder, so a kill at any instant leaves the earlier ones whole. See
// docs/checkpoint.md. Threads: one at a time. One process writes; others may read meanwhile.
class CheckpointStore {
 public:
  // `keep`: at least 1. Touches nothing yet. `files` must outlive the store.
  CheckpointStore(std::filesystem::path folder, std::size_t keep,
                  FileSystem& files = posix_files());

  // Saves, then removes what a killed save left, the oldest beyond `keep`, and all numbers above
  // this one: they belong to a future that this run, resumed from before it, did not take.
  // A number that is there already is replaced.
  // Throws Error (disk full, no permission, a part's name that is not a plain file name) and leaves
  // the earlier checkpoints as they were; what could not be tidied up, the next save does.
  void save(const Checkpoint& checkpoint);

  // The newest whole checkpoint: damaged ones are passed over, with a line for each in `warnings`
  // (may be nullptr). nullopt when there is none. Throws Error when one that would be passed over
  // is of another format version: going on from an older one would lose what it holds.
  std::optional<Checkpoint> load_newest(std::vector<std::string>* warnings) const;
  // Throws Error saying what is damaged, or which numbers there are.
  Checkpoint load(std::uint64_t number) const;

  std::vector<std::uint64_t> numbers() const;  // with a manifest, ascending; nothing is read

 private:
  std::filesystem::path folder_of(std::uint64_t number) const;
  void finish_killed_saves() const;
  void write_parts(const std::filesystem::path& folder, const Checkpoint& checkpoint) const;
  void put_in_place(std::uint64_t number) const;
  void finish_replacement(std::uint64_t number) const;
  void remove_others(std::uint64_t newest) const;

  std::filesystem::path folder_;
  std::size_t keep_;
  FileSystem* files_;
};

}  // namespace rl
