// Which tokens of which sequences the next forward pass takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "src/language/page_pool.h"
#include "src/language/sequence.h"

namespace rl::language {

struct SchedulerLimits {
  std::size_t max_sequences = 1;
  std::size_t prefill_tokens = 1;
};

// Tokens [first, first + count) of a sequence; their pages are writable.
struct PlannedSpan {
  Sequence* sequence = nullptr;
  std::size_t first = 0;
  std::size_t count = 0;
  bool samples() const { return first + count == sequence->tokens.size(); }
};

// Sequences stand in the order of arrival; those that run are always the first so many of them.
// A plan takes one token of every running sequence, and of those that have more to catch up with
// (prompts, and sequences that lost their pages) up to prefill_tokens in all. Out of pages, the
// newest sequence that holds any gives up all of its pages and runs again later.
// Threads: one thread at a time.
class Scheduler {
 public:
  // The pool must have the pages for one sequence of any request, and must outlive this.
  Scheduler(PagePool& pool, SchedulerLimits limits) : pool_(&pool), limits_(limits) {}

  void submit(std::shared_ptr<const GenerationRequest> request);
  void cancel(std::uint64_t request);
  void cancel(std::uint64_t request, std::size_t sample);
  bool has(std::uint64_t request) const { return unfinished_.contains(request); }
  bool idle() const { return sequences_.empty(); }

  // Not empty unless idle. Planning twice without advancing gives the same work again.
  std::span<const PlannedSpan> plan();
  // The samples of the same request that have not begun: they can draw from the same row, since
  // their prompt is the same. Call when the span's sequence has just finished its prompt.
  std::vector<Sequence*> unbegun_siblings(const Sequence& sequence) const;
  void remove_finished();

 private:
  using Order = std::vector<std::unique_ptr<Sequence>>;
  template <class Condition>
  void remove_where(const Condition& condition);
  bool add(std::size_t index, std::size_t& budget);
  bool may_start(std::size_t index);
  void share_prompt(std::size_t index);
  bool make_room(std::size_t index, std::size_t end);
  void preempt(std::size_t index);

  PagePool* pool_;
  SchedulerLimits limits_;
  Order sequences_;
  std::unordered_map<std::uint64_t, std::size_t> unfinished_;  // sequences of each request
  std::size_t running_ = 0;
  std::vector<PlannedSpan> plan_;
};

}  // namespace rl::language
