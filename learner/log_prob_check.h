// Finds workers that lie about the probability of what they did.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "rl/core/fragment.h"
#include "rl/core/spec.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/policies/policy.h"

namespace rl {

// Holds the last published policies and computes the log-probs that a fragment claims to have from
// them again. An honest worker's are the same bits on any CPU (rl/policies/policy.h).
// Threads: one thread at a time.
class LogProbCheck {
 public:
  // `versions_kept`: 1 in lockstep, where nothing older may be claimed.
  LogProbCheck(EnvironmentSpec spec, const FragmentSchema& schema, std::size_t versions_kept);

  // Every published snapshot, as workers get it.
  void publish(const WeightSnapshot& snapshot);

  // What no honest worker can have sent, as a sentence; empty when there is nothing. Of steps whose
  // version is older than what is kept nothing can be said, unless only the newest may be claimed.
  std::string find_lie(const Fragment& fragment);

 private:
  Policy* policy_of(std::int64_t version);
  std::string compare(const Fragment& fragment, std::size_t first, std::size_t last,
                      Policy& policy);

  EnvironmentSpec spec_;
  std::size_t versions_kept_;
  std::vector<std::size_t> observation_columns_;
  std::vector<std::size_t> action_columns_;
  std::size_t log_prob_column_;
  std::size_t version_column_;
  std::deque<std::unique_ptr<Policy>> policies_;  // newest last
};

}  // namespace rl
