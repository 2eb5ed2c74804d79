#include "src/language/scheduler.h"

#include <algorithm>

namespace rl::language {

void Scheduler::submit(std::shared_ptr<const GenerationRequest> request) {
  unfinished_[request->id] = request->num_samples;
  for (std::size_t sample = 0; sample < request->num_samples; ++sample) {
    sequences_.push_back(std::make_unique<Sequence>(request, sample, *pool_));
  }
}

template <class Condition>
void Scheduler::remove_where(const Condition& condition) {
  std::size_t kept = 0;
  std::size_t running = 0;
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    if (condition(*sequences_[i])) {
      const auto left = unfinished_.find(sequences_[i]->request->id);
      if (--left->second == 0) unfinished_.erase(left);
      continue;
    }
    running += i < running_ ? 1 : 0;
    if (kept != i) sequences_[kept] = std::move(sequences_[i]);
    ++kept;
  }
  sequences_.resize(kept);
  running_ = running;
}

void Scheduler::cancel(std::uint64_t request) {
  remove_where([&](const Sequence& sequence) { return sequence.request->id == request; });
}

void Scheduler::cancel(std::uint64_t request, std::size_t sample) {
  remove_where([&](const Sequence& sequence) {
    return sequence.request->id == request && sequence.sample == sample;
  });
}

void Scheduler::remove_finished() {
  remove_where([](const Sequence& sequence) { return sequence.finished; });
}

std::span<const PlannedSpan> Scheduler::plan() {
  plan_.clear();
  std::size_t budget = limits_.prefill_tokens;
  // Preempting shortens the list of running sequences, never what is planned already.
  for (std::size_t i = 0; i < std::min(sequences_.size(), limits_.max_sequences); ++i) {
    if (!add(i, budget)) break;
  }
  return plan_;
}

// Plans the sequence's next tokens. False when neither it nor newer ones can run in this step.
bool Scheduler::add(std::size_t index, std::size_t& budget) {
  Sequence& sequence = *sequences_[index];
  const bool starts = index >= running_;
  if (starts && !may_start(index)) return false;
  const bool decodes = sequence.uncached() == 1;
  const std::size_t count = decodes ? 1 : std::min(sequence.uncached(), budget);
  if (count == 0) return !starts;  // it runs, and waits for the next step's budget
  const std::size_t end = sequence.cached + count;
  if (!make_room(index, end)) {
    if (!starts) preempt(index);
    return false;
  }
  sequence.pages.prepare(sequence.cached, end);
  if (!decodes) budget -= count;
  running_ = std::max(running_, index + 1);
  plan_.push_back({&sequence, sequence.cached, count});
  return true;
}

bool Scheduler::may_start(std::size_t index) {
  Sequence& sequence = *sequences_[index];
  const bool follows = index > 0 && sequence.is_sibling(*sequences_[index - 1]);
  if (follows && sequence.cached == 0) {
    // The prompt is read once: the others wait for the one that reads it.
    if (sequences_[index - 1]->cached < sequence.prompt_size()) return false;
    share_prompt(index);
  }
  if (index == 0) return true;
  // Room for all it has to catch up with, and for one page more of every running sequence: it must
  // not be sent away again at once.
  const std::size_t pages = sequence.pages.needed(sequence.cached, sequence.tokens.size());
  return pool_->available() >= pages + index;
}

void Scheduler::share_prompt(std::size_t index) {
  Sequence& sequence = *sequences_[index];
  // What has been sampled from the last position is drawn again only from its own row.
  const std::size_t positions = std::min(sequence.prompt_size(), sequence.tokens.size() - 1);
  sequence.pages.share(sequences_[index - 1]->pages, positions);
  sequence.cached = positions;
}

// Takes pages from newer sequences, newest first, until there are enough for positions up to `end`:
// what only newer ones shared need not be copied any more.
bool Scheduler::make_room(std::size_t index, std::size_t end) {
  const Sequence& sequence = *sequences_[index];
  for (std::size_t victim = sequences_.size();
       pool_->available() < sequence.pages.needed(sequence.cached, end);) {
    if (--victim <= index) return false;
    if (!sequences_[victim]->pages.empty()) preempt(victim);
  }
  return true;
}

void Scheduler::preempt(std::size_t index) {
  sequences_[index]->pages.release();
  sequences_[index]->cached = 0;
  running_ = std::min(running_, index);
}

std::vector<Sequence*> Scheduler::unbegun_siblings(const Sequence& sequence) const {
  std::vector<Sequence*> siblings;
  auto next = std::ranges::find(sequences_, &sequence, &std::unique_ptr<Sequence>::get);
  for (++next; next != sequences_.end() && (*next)->is_sibling(sequence); ++next) {
    if ((*next)->generated() == 0 && (*next)->cached == 0) siblings.push_back(next->get());
  }
  return siblings;
}

}  // namespace rl::language
