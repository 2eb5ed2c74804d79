// Key files for encrypted connections. What each key may do: docs/security.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rl/transport/options.h"

namespace rl::transport {

//   DIR/learner.key                the learner's pair            only on the learner's host
//   DIR/learner.pub                the learner's public key      give to every worker
//   DIR/worker-NAME.key            a worker's pair               move to that worker's host
//   DIR/allowed_workers/NAME.pub   who is let in                 delete one to shut its owner out
//
// A .key file is two lines, "public KEY" and "secret KEY"; a .pub file is one, "public KEY".
// Keys are Curve25519, 40 characters of Z85 text. A .key file must belong to its reader alone
// (mode 0600): loading one that others may read or write throws Error with the command that
// mends it. Nothing is ever overwritten: making a key whose file exists throws Error.
// Threads: any; two processes making keys in one folder may see each other's files.

KeyPair generate_key_pair();  // from the system's random source

// What `corral keygen DIR` does: the folder, the learner's pair and the pair of a first worker.
// A folder that has a learner's pair already gets the worker's alone.
void make_keys(const std::filesystem::path& folder, const std::string& worker_name);

// The public keys of all .pub files in the folder, sorted. Throws Error as below.
std::vector<std::string> load_allowed_workers(const std::filesystem::path& folder);

// Fills in `keys` and `allowed_folder`. Throws Error, leaving the options as they were, when a file
// is missing, malformed or open to others.
void use_keys(LearnerOptions& options, const std::filesystem::path& folder);

// Fills in `keys` and `learner_key`. Errors as above.
void use_keys(WorkerOptions& options, const std::filesystem::path& worker_key_file,
              const std::filesystem::path& learner_pub_file);

}  // namespace rl::transport
