// Verifiers: what a completion is worth, said by rules or by the caller's own function.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/language/text_tasks.h"
#include "rl/text/tokenizer.h"

namespace rl::language {

// What a verifier judges. One that wants the text alone may take a std::string_view.
// Threads: a view; what it refers to lives as long as the call.
struct JudgedText {
  std::string_view text{};                  // without its stop token
  std::span<const text::TokenId> tokens{};  // of prompt and completion as they were sampled, stop
                                            // token included; empty: not known
  JudgedText() = default;
  template <std::convertible_to<std::string_view> Text>
  JudgedText(const Text& completion) : text(completion) {}
  JudgedText(std::string_view completion, std::span<const text::TokenId> all)
      : text(completion), tokens(all) {}
  operator std::string_view() const { return text; }
};

// The completion's worth, usually 0 to 1; nothing when it cannot be scored (an answer that has no
// number, a judge that is away). Must be callable from any thread, one call at a time. What it
// throws, and what is not finite, counts as "cannot be scored".
using Verifier =
    std::function<std::optional<double>(const TextProblem& problem, const JudgedText& completion)>;

// Makes a verifier from its argument in the run's configuration. Throws Error for a bad one.
using VerifierFactory = std::function<Verifier(const std::string& argument)>;

struct VerifierEntry {
  std::string description{};
  VerifierFactory make{};
  // Longest time for one verdict; a later one counts as "cannot be scored". 0: it is trusted to
  // return soon and runs on the caller's thread. Otherwise calls run on a thread of their own; one
  // that overstays is left behind to finish (what the function refers to must outlive it) and the
  // next call gets another thread. A run in which deadlines pass is not repeatable.
  std::chrono::milliseconds deadline{0};
};

// Threads: reading from any thread once it is filled.
class VerifierRegistry {
 public:
  // Throws Error when the name is taken or not a word.
  void add(const std::string& name, VerifierEntry entry);
  // Throws Error with the nearest names.
  const VerifierEntry& require(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, VerifierEntry, std::less<>> entries_;
};

// exact            the answer and nothing else, outer white space aside
// numeric          the last number of the completion (behind "####" when it has one) equals the
//                  answer's; 1,234.50 and 1234.5 are equal. Cannot score an answer with no number
// answer           numeric when the answer has "#### n", else exact
// contains         the answer appears somewhere
// regex PATTERN    1 when the pattern is found (bounded steps; giving up is "cannot be scored")
// length N         1 up to N bytes, then falling to 0 at 2 N
const VerifierRegistry& builtin_verifiers();

// Calls that went wrong, over the life of a scorer.
struct VerdictCounts {
  std::uint64_t scored = 0;
  std::uint64_t unscored = 0;   // no score: this includes the next two
  std::uint64_t failed = 0;     // a verifier threw
  std::uint64_t late = 0;       // a deadline passed
};

struct Verdict {
  double score = 0.0;
  bool scored = true;
  std::vector<double> terms{};  // of each verifier, before its weight; empty when not scored
};

// A weighted sum of verifiers that never throws into training.
// Threads: one thread at a time.
class Scorer {
 public:
  struct Term {
    Verifier verifier;
    double weight = 1.0;
    std::chrono::milliseconds deadline{0};
    std::string name{};  // in messages
  };
  // The sum is clamped to +-limit. A sample that one term cannot score is not scored.
  Scorer(std::vector<Term> terms, double limit);
  ~Scorer();
  Scorer(Scorer&&) noexcept;
  Scorer& operator=(Scorer&&) noexcept;

  // `while_waiting` is called every 100 ms that a slow verifier takes; it may throw.
  Verdict score(const TextProblem& problem, const JudgedText& completion,
                const std::function<void()>& while_waiting = {});
  const VerdictCounts& counts() const;
  // Why the last sample without a score has none, as a sentence; empty: there was none.
  const std::string& last_trouble() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl::language
