// The policy of a small network, run on the worker.
#pragma once

#include <optional>

#include "rl/policies/policy.h"
#include "src/policies/action_head.h"
#include "src/policies/mlp.h"

namespace rl {

// See Policy. A snapshot must carry the same PolicySpec as the policy was made with.
class MlpPolicy final : public Policy {
 public:
  // Throws Error when the description does not fit the environment.
  MlpPolicy(EnvironmentSpec spec, PolicySpec policy,
            const MlpKernel& kernel = *available_mlp_kernels().back());

  void act(std::span<const ActRow> rows, ActMode mode) override;
  void load(const WeightSnapshot& snapshot) override;
  std::uint64_t version() const override { return version_; }

 private:
  struct Weights {
    Mlp network;
    HeadWeights head;
    std::vector<double> mean;  // [inputs] when observations are normalised
    std::vector<double> std;   // [inputs]
  };

  Weights read(const WeightSnapshot& snapshot) const;
  void check_row(const ActRow& row, ActMode mode) const;
  void gather(const ActRow& row, std::span<float> inputs) const;

  EnvironmentSpec spec_;
  PolicySpec policy_;
  const MlpKernel* kernel_;
  ActionHead head_;
  int mask_field_;
  std::vector<std::int64_t> widths_;
  std::optional<Weights> weights_;
  std::uint64_t version_ = 0;
};

}  // namespace rl
