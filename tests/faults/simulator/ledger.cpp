#include "faults/simulator/ledger.h"

#include <algorithm>
#include <cstring>

namespace rl::transport::simulator {

void Ledger::welcomed(std::uint64_t session, std::uint64_t learner_life) {
  sessions_.at(session).learner_life = learner_life;
}

void Ledger::produced(std::uint64_t session, FragmentPtr fragment) {
  SessionRecord& record = sessions_.at(session);
  ++record.produced;
  record.produced_bytes += fragment->block().size();
  record.undelivered.push_back(std::move(fragment));
}

void Ledger::delivered(const ReceivedFragment& received, std::uint64_t learner_life) {
  const std::uint64_t session = received.fragment->header().environment;
  const auto found = sessions_.find(session);
  require(found != sessions_.end(), "nothing is delivered that nobody made", session);
  SessionRecord& record = found->second;
  require(!record.undelivered.empty(), "nothing is delivered twice", session);
  const auto expected = record.undelivered.front()->block();
  const auto got = received.fragment->block();
  require(expected.size() == got.size() &&
              std::memcmp(expected.data(), got.data(), got.size()) == 0,
          "fragments are delivered whole and in order, none twice", session);
  record.undelivered.pop_front();
  ++record.delivered;
  record.unread_bytes += got.size();
  ++delivered_;
  ++delivered_in_life_;
  require(record.learner_life == learner_life,
          "what was made for one learner is not delivered to the next", session);
  const auto admitted = record.worker_ids.try_emplace(learner_life, received.worker_id).first;
  require(admitted->second == received.worker_id, "a fragment is of the session that it says",
          session);
}

void Ledger::read(const Fragment& fragment, Fate fate) {
  SessionRecord& record = sessions_.at(fragment.header().environment);
  record.unread_bytes -= fragment.block().size();
  ++(fate == Fate::consumed ? consumed_ : dropped_);
}

void Ledger::lost_with_learner(std::uint64_t fragments) {
  lost_with_learner_ += fragments;
  // A hello that is still on the way may open one of these sessions at the next learner.
  for (auto& [number, record] : sessions_) record.unread_bytes = 0;
}

void Ledger::published(std::uint64_t learner_life, std::uint64_t version,
                       std::shared_ptr<const Bytes> image) {
  images_[{learner_life, version}] = std::move(image);
}

void Ledger::acted_on(std::uint64_t session, const WeightSnapshot& weights) {
  SessionRecord& record = sessions_.at(session);
  require(weights.version > record.newest_version, "versions rise", session);
  record.newest_version = weights.version;
  const auto found = images_.find({record.learner_life, weights.version});
  require(found != images_.end(), "weights are those of the learner that let the worker in",
          session);
  require(*found->second == *weights.image, "weights are whole", session);
}

void Ledger::check_learner(const LearnerProtocol& learner, std::uint64_t learner_life,
                           const LearnerOptions& options, std::size_t num_slots) {
  if (present_life_ != learner_life) {
    present_life_ = learner_life;
    delivered_in_life_ = 0;
  }
  std::uint64_t on_the_way = 0;
  std::uint64_t slots_taken = 0;
  for (const auto& [number, session] : learner.sessions()) {
    const auto found = sessions_.find(number);
    require(found != sessions_.end(), "a session is one that a worker opened", number);
    SessionRecord& record = found->second;
    const auto [admitted, _] = record.worker_ids.try_emplace(learner_life, session.worker_id);
    require(admitted->second == session.worker_id, "a session is admitted once", number);
    require(session.slot < num_slots && (slots_taken >> session.slot & 1U) == 0,
            "a slot belongs to one session", number);
    slots_taken |= std::uint64_t{1} << session.slot;
    record.credit_limit = std::max(record.credit_limit, session.credit_limit);
    require(session.credit_limit - session.settled_bytes + record.unread_bytes ==
                options.credit_bytes,
            "credit is what may be unread", number);
    const std::uint64_t delivered = record.learner_life == learner_life ? record.delivered : 0;
    require(session.settled == delivered, "what is settled is delivered", number);
    require(session.produced <= record.produced, "no more is told of than was made", number);
    on_the_way += session.produced - session.settled;
  }
  const TransportCounters counters = learner.counters();
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < counters.dropped.size(); ++i) {
    if (static_cast<DropReason>(i) != DropReason::duplicate) dropped += counters.dropped[i];
  }
  require(counters.produced == counters.fragments_received + dropped + on_the_way,
          "produced = received + dropped by reason + on the way");
  require(counters.fragments_received == delivered_in_life_,
          "what counts as received is delivered, once");
  const auto count = [&](DropReason reason) {
    return counters.dropped[static_cast<std::size_t>(reason)];
  };
  require(count(DropReason::over_credit) == 0, "an honest worker keeps to its credit");
  require(count(DropReason::malformed) == 0 && count(DropReason::out_of_spec) == 0,
          "what an honest worker sends is accepted");
}

void Ledger::check_worker(const WorkerProtocol& worker, std::uint64_t session) const {
  const SessionRecord& record = sessions_.at(session);
  require(worker.produced() == record.produced, "each fragment has one number", session);
  const std::uint64_t settled = worker.produced() - worker.unacknowledged();
  require(settled <= record.delivered, "only what is delivered is forgotten by its maker",
          session);
  require(record.produced_bytes <= record.credit_limit, "a worker sends within its credit", session);
}

void Ledger::check_fates(std::uint64_t unread) const {
  require(delivered_ == consumed_ + dropped_ + lost_with_learner_ + unread,
          "delivered = consumed + dropped + lost with a learner + unread");
}

}  // namespace rl::transport::simulator
