#include "learner/log_prob_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

namespace rl {
namespace {

// Honest claims differ by nothing. This much, relative or absolute, moves no ratio that matters.
constexpr double kTolerance = 1e-4;

bool agree(double claimed, double computed) {
  return std::abs(claimed - computed) <= kTolerance * std::max(1.0, std::abs(computed));
}

std::vector<std::size_t> columns_of(const FragmentSchema& schema,
                                    const std::vector<TensorSpec>& tensors,
                                    std::string_view prefix) {
  std::vector<std::size_t> columns;
  for (const TensorSpec& tensor : tensors) {
    columns.push_back(schema.require(std::string(prefix) + tensor.name));
  }
  return columns;
}

// The rows of some steps as a policy takes them. Actions are copied: a policy may write to them.
class Rows {
 public:
  Rows(const Fragment& fragment, std::size_t first, std::size_t count,
       const std::vector<std::size_t>& observations, const std::vector<std::size_t>& actions)
      : log_probs_(count) {
    const auto& columns = fragment.schema().columns();
    for (std::size_t t = first; t < first + count; ++t) {
      for (const std::size_t column : observations) {
        observation_rows_.push_back(fragment.row(column, t));
      }
    }
    for (const std::size_t column : actions) {
      const std::byte* begin = fragment.row(column, first);
      actions_.emplace_back(begin, begin + count * columns[column].tensor.row_bytes());
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t a = 0; a < actions.size(); ++a) {
        action_rows_.push_back(actions_[a].data() + i * columns[actions[a]].tensor.row_bytes());
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      rows_.push_back({ConstFields(std::span(observation_rows_)
                                       .subspan(i * observations.size(), observations.size())),
                       Fields(std::span(action_rows_).subspan(i * actions.size(), actions.size())),
                       &log_probs_[i], nullptr});
    }
  }

  const std::vector<float>& score(Policy& policy) {
    policy.act(rows_, ActMode::given);
    return log_probs_;
  }

 private:
  std::vector<Bytes> actions_;
  std::vector<const std::byte*> observation_rows_;
  std::vector<std::byte*> action_rows_;
  std::vector<float> log_probs_;
  std::vector<ActRow> rows_;
};

}  // namespace

LogProbCheck::LogProbCheck(EnvironmentSpec spec, const FragmentSchema& schema,
                           std::size_t versions_kept)
    : spec_(std::move(spec)),
      versions_kept_(versions_kept),
      observation_columns_(columns_of(schema, spec_.observations, kObservationPrefix)),
      action_columns_(columns_of(schema, spec_.actions, kActionPrefix)),
      log_prob_column_(schema.require(kLogProbColumn)),
      version_column_(schema.require(kPolicyVersionColumn)) {}

void LogProbCheck::publish(const WeightSnapshot& snapshot) {
  if (policies_.size() < versions_kept_) {
    policies_.push_back(make_policy(spec_, snapshot));
    return;
  }
  policies_.front()->load(snapshot);
  std::rotate(policies_.begin(), policies_.begin() + 1, policies_.end());
}

Policy* LogProbCheck::policy_of(std::int64_t version) {
  const auto found = std::ranges::find_if(policies_, [&](const auto& policy) {
    return std::cmp_equal(policy->version(), version);
  });
  return found == policies_.end() ? nullptr : found->get();
}

std::string LogProbCheck::find_lie(const Fragment& fragment) {
  if (policies_.empty()) return {};
  const auto versions = fragment.column<std::int64_t>(version_column_);
  for (std::size_t first = 0; first < versions.size();) {
    std::size_t last = first + 1;
    while (last < versions.size() && versions[last] == versions[first]) ++last;
    const bool newer = std::cmp_greater(versions[first], policies_.back()->version());
    if (Policy* policy = policy_of(versions[first])) {
      std::string lie = compare(fragment, first, last, *policy);
      if (!lie.empty()) return lie;
    } else if (newer || versions_kept_ == 1) {
      return "claims weights version " + std::to_string(versions[first]) + " where " +
             std::to_string(policies_.back()->version()) + " is the newest";
    }
    first = last;
  }
  return {};
}

std::string LogProbCheck::compare(const Fragment& fragment, std::size_t first, std::size_t last,
                                  Policy& policy) {
  const auto claimed = fragment.column<float>(log_prob_column_);
  Rows rows(fragment, first, last - first, observation_columns_, action_columns_);
  const std::vector<float>& computed = rows.score(policy);
  for (std::size_t t = first; t < last; ++t) {
    if (agree(claimed[t], computed[t - first])) continue;
    return "claims log-prob " + std::to_string(claimed[t]) + " for an action that has " +
           std::to_string(computed[t - first]) + " under weights version " +
           std::to_string(policy.version());
  }
  return {};
}

}  // namespace rl
