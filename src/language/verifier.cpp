#include "rl/language/verifier.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "src/language/slow_call.h"

namespace rl::language {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

}  // namespace

void VerifierRegistry::add(const std::string& name, VerifierEntry entry) {
  if (!is_name(name)) {
    throw Error({.where = "verifiers", .what = "a name is not one word",
                 .expected = "letters, digits, - and _", .got = "'" + name + "'"});
  }
  if (!entries_.emplace(name, std::move(entry)).second) {
    throw Error({.where = "verifiers", .what = "a name is taken", .got = name});
  }
}

const VerifierEntry& VerifierRegistry::require(const std::string& name) const {
  const auto entry = entries_.find(name);
  if (entry != entries_.end()) return entry->second;
  throw Error({.where = "verifiers", .what = "there is no verifier of this name",
               .got = "'" + name + "'", .remedy = suggest(name, names())});
}

std::vector<std::string> VerifierRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

struct Scorer::Implementation {
  struct Judge {
    Term term;
    std::unique_ptr<SlowCaller> slow;  // null: trusted to return soon
  };
  std::vector<Judge> judges;
  double limit = 0.0;
  VerdictCounts counts;
  std::string trouble;

  CallResult ask(Judge& judge, const TextProblem& problem, const JudgedText& completion,
                 const std::function<void()>& while_waiting) {
    if (!judge.slow) return call_now(judge.term.verifier, problem, completion);
    return judge.slow->call(problem, completion, judge.term.deadline, while_waiting);
  }

  // Nothing when it cannot be scored; then `trouble` and the counts say why.
  std::optional<double> judged(Judge& judge, const TextProblem& problem,
                               const JudgedText& completion,
                               const std::function<void()>& while_waiting) {
    const CallResult result = ask(judge, problem, completion, while_waiting);
    const std::string name = "verifier '" + judge.term.name + "'";
    if (result.end == CallEnd::threw) {
      ++counts.failed;
      trouble = name + " failed: " + result.trouble;
    } else if (result.end == CallEnd::late) {
      ++counts.late;
      trouble = name + " took longer than " + std::to_string(judge.term.deadline.count()) + " ms";
    } else if (!result.value || !std::isfinite(*result.value)) {
      trouble = name + (result.value ? " gave a score that is not finite" : " gave no score") +
                " for '" + problem.prompt.substr(0, 80) + "'";
    } else {
      return result.value;
    }
    return std::nullopt;
  }
};

Scorer::Scorer(std::vector<Term> terms, double limit)
    : implementation_(std::make_unique<Implementation>()) {
  implementation_->limit = limit;
  for (Term& term : terms) {
    auto slow = term.deadline.count() > 0 ? std::make_unique<SlowCaller>(term.verifier) : nullptr;
    implementation_->judges.push_back({std::move(term), std::move(slow)});
  }
}

Scorer::~Scorer() = default;
Scorer::Scorer(Scorer&&) noexcept = default;
Scorer& Scorer::operator=(Scorer&&) noexcept = default;

Verdict Scorer::score(const TextProblem& problem, const JudgedText& completion,
                      const std::function<void()>& while_waiting) {
  Implementation& self = *implementation_;
  Verdict verdict;
  for (auto& judge : self.judges) {
    const auto value = self.judged(judge, problem, completion, while_waiting);
    verdict.score += value ? judge.term.weight * *value : std::nan("");
    if (!std::isfinite(verdict.score)) {
      ++self.counts.unscored;
      return {.score = 0.0, .scored = false};
    }
    verdict.terms.push_back(*value);
  }
  ++self.counts.scored;
  verdict.score = std::clamp(verdict.score, -self.limit, self.limit);
  return verdict;
}

const VerdictCounts& Scorer::counts() const { return implementation_->counts; }
const std::string& Scorer::last_trouble() const { return implementation_->trouble; }

}  // namespace rl::language
