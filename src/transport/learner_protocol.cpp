// LearnerProtocol: what those who are in say and hear.
#include "src/transport/learner_protocol.h"

#include <algorithm>

#include "rl/core/checksum.h"
#include "rl/core/error.h"

namespace rl::transport {
namespace {

// As long as a worker repeats a request, twice over.
constexpr Nanoseconds kStillPulling = std::chrono::milliseconds(1000);

// What can be known of a dropped block; nullopt when not even its header can be believed.
std::optional<RefusedFragment> read_refused(const FragmentSchema& schema, Block block,
                                            DropReason reason) {
  RefusedFragment refused;
  refused.reason = reason;
  try {
    refused.header = Fragment::read_header(schema, block);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (reason == DropReason::out_of_spec) {  // the block has the size that its header implies
    const auto bytes = block.subspan(schema.block_bytes(refused.header.num_steps),
                                     refused.header.continuation_bytes);
    refused.continuation.assign(bytes.begin(), bytes.end());
  }
  return refused;
}

}  // namespace

void LearnerProtocol::on_message(std::string_view peer, std::string_view user,
                                 std::span<const std::byte> message, Nanoseconds now) {
  const Sender sender{std::string(peer), std::string(user), now};
  if (strikes_.is_banned(user.empty() ? sender.peer : sender.user)) return;
  const ParsedMessage parsed = parse_message(message, options_.limits);
  if (parsed.status == ParseStatus::malformed) return strike(sender, nullptr, parsed.defect);
  if (parsed.status == ParseStatus::ok) return dispatch(sender, parsed);
  RefusalMessage refusal;
  refusal.what = "the worker speaks another protocol version";
  refusal.expected = "version " + std::to_string(kProtocolVersion) + " (the learner)";
  refusal.got = "version " + std::to_string(parsed.version) + " (the worker)";
  refusal.remedy = "use the same release of corral on both ends";
  refuse(sender, refusal, "unknown");
}

void LearnerProtocol::dispatch(const Sender& sender, const ParsedMessage& message) {
  switch (message.type) {
    case MessageType::hello:
      return on_hello(sender, message);
    case MessageType::experience:
      return on_experience(sender, message);
    case MessageType::weight_request:
      return on_weight_request(sender, message);
    case MessageType::heartbeat:
      return on_heartbeat(sender, message);
    case MessageType::goodbye:
      return on_goodbye(sender, message);
    default:
      return strike(sender, nullptr, "only a learner says this");
  }
}

void LearnerProtocol::on_experience(const Sender& sender, const ParsedMessage& message) {
  const auto header = decode<ExperienceHeader>(message);
  if (!header) return strike(sender, nullptr, "experience cannot be read");
  Session* session = speaker(sender, *header);
  if (session == nullptr) return;
  const auto blocks = split_experience(*header, message.body);
  if (!blocks || header->count > options_.limits.max_fragments_per_message) {
    return strike(sender, session, "fragment lengths do not add up, or there are too many");
  }
  const std::uint64_t last = header->first_sequence + header->count - 1;
  if (header->first_sequence == 0 || last < header->first_sequence || last > header->produced ||
      !note_produced(*session, header->produced)) {
    return strike(sender, session, "impossible sequence numbers");
  }
  owe_ack(*session);
  if (header->first_sequence > session->settled + 1) {
    session->gap = true;
    return;
  }
  std::optional<DropReason> dropped;
  for (std::uint32_t i = 0; i < header->count; ++i) {
    if (header->first_sequence + i <= session->settled) {
      ++counters_.dropped[static_cast<std::size_t>(DropReason::duplicate)];
      continue;
    }
    dropped = accept(*session, (*blocks)[i], sender.now);
    ++session->settled;
    if (dropped && *dropped != DropReason::out_of_spec) {
      return close_for_breach(sender, session->number, *dropped);
    }
  }
}

// Values out of spec are the environment's doing, and the worker goes on. Blocks that are no
// fragments, or come uncalled for, are the worker's: what it made is nowhere now, and it believes it
// settled. Without a session it, or another one, has to start over from its slot's assignment.
void LearnerProtocol::close_for_breach(const Sender& sender, std::uint64_t number,
                                       DropReason reason) {
  const char* const breach = reason == DropReason::over_credit ? "sent more than its credit"
                                                               : "sent a block that is no fragment";
  strike(sender, &sessions_.at(number), breach);
  const auto session = sessions_.find(number);
  if (session == sessions_.end()) return;  // banned
  send(sender.peer, encode(UnknownSessionMessage{number}));
  end(session->second, Ended::lost, DropReason::worker_lost, WorkerEventKind::lost, breach);
}

std::optional<DropReason> LearnerProtocol::accept(Session& session, Block block, Nanoseconds now) {
  if (session.settled_bytes + block.size() > session.credit_limit) {
    drop(session, DropReason::over_credit, "sent more than its credit", block, now);
    return DropReason::over_credit;
  }
  session.settled_bytes += block.size();
  std::shared_ptr<const Fragment> fragment;
  std::string defect;
  DropReason reason = DropReason::out_of_spec;
  try {
    fragment = std::make_shared<const Fragment>(Fragment::from_block(manifest_.schema, block));
    defect = find_defect(*fragment, manifest_.environment);
  } catch (const Error& error) {
    defect = error.what();
    reason = DropReason::malformed;
  }
  if (!defect.empty()) {
    session.credit_limit += block.size();  // no inbox will hand it back
    drop(session, reason, defect, block, now);
    return reason;
  }
  ++counters_.fragments_received;
  counters_.steps_received += fragment->num_steps();
  counters_.bytes_received += block.size();
  output_.fragments.push_back(
      {std::move(fragment), session.worker_id, session.slot, session.settled + 1});
  return std::nullopt;
}

void LearnerProtocol::drop(Session& session, DropReason reason, const std::string& defect,
                           Block block, Nanoseconds now) {
  ++counters_.dropped[static_cast<std::size_t>(reason)];
  if (auto refused = read_refused(*manifest_.schema, block, reason)) {
    refused->defect = defect;
    refused->worker_id = session.worker_id;
    refused->slot = session.slot;
    refused->sequence = session.settled + 1;
    output_.refused.push_back(std::move(*refused));
  }
  if (!event_limiter_.allow(session.number, now)) return;
  event(WorkerEventKind::misbehaved, session,
        "fragment " + std::to_string(session.settled + 1) + " dropped: " + defect);
}

// False for a number that no honest worker can have reached: it may be ahead of what is settled
// only by what its credit lets it send. At least a header's bytes are spent on each fragment.
bool LearnerProtocol::note_produced(Session& session, std::uint64_t produced) {
  const std::uint64_t ahead = options_.credit_bytes / sizeof(FragmentHeader);
  if (produced > session.settled + ahead) return false;
  if (produced > session.produced) {
    counters_.produced += produced - session.produced;
    session.produced = produced;
  }
  return true;
}

void LearnerProtocol::fragment_taken(std::uint64_t worker_id, std::size_t bytes) {
  const auto number = numbers_.find(worker_id);
  if (number == numbers_.end()) return;  // it has left since
  Session& session = sessions_.at(number->second);
  session.credit_limit += bytes;
  owe_ack(session);
}

void LearnerProtocol::on_heartbeat(const Sender& sender, const ParsedMessage& message) {
  const auto heartbeat = decode<HeartbeatMessage>(message);
  if (!heartbeat) return strike(sender, nullptr, "heartbeat cannot be read");
  Session* session = speaker(sender, *heartbeat);
  if (session == nullptr) return;
  if (!note_produced(*session, heartbeat->produced)) {
    return strike(sender, session, "heartbeat tells of more fragments than its credit allows");
  }
  session->steps = std::max(session->steps, heartbeat->steps);
  session->weight_version = std::max(session->weight_version, heartbeat->weight_version);
  session->alive_us = std::max(session->alive_us, heartbeat->alive_us);
  session->waited_us = std::max(session->waited_us, heartbeat->waited_us);
  owe_ack(*session);  // every beat is answered: that is the learner's own beat
  if (stopping_) send(session->peer, encode(StopMessage{session->number}));
  // A notice may have been lost; a pull under way shows itself by its requests.
  const bool quiet = sender.now - session->weights_offered >= options_.heartbeat_every / 2;
  if (weights_ && session->weight_version < weights_->version() && quiet) {
    offer_weights(*session, sender.now);
  }
}

void LearnerProtocol::offer_weights(Session& session, Nanoseconds now) {
  if (!weights_) return;
  session.weights_offered = now;
  send(session.peer, weights_->notice());
  if (weights_->num_chunks() > 1) return;
  send(session.peer, weights_->chunk(0));
  counters_.weight_bytes_sent += weights_->image_bytes();
}

void LearnerProtocol::on_weight_request(const Sender& sender, const ParsedMessage& message) {
  const auto request = decode<WeightRequestMessage>(message);
  if (!request) return strike(sender, nullptr, "weight request cannot be read");
  Session* session = speaker(sender, *request);
  if (session == nullptr || !weights_) return;
  WeightSource* source = source_for(request->version, sender.now);
  if (source == nullptr) return send(session->peer, weights_->notice());
  if (request->chunk >= source->num_chunks()) {
    return strike(sender, session, "asked for a chunk beyond the image");
  }
  session->weights_offered = sender.now;
  const SharedBytes chunk = source->chunk(request->chunk);
  counters_.weight_bytes_sent += chunk->size();
  send(session->peer, chunk);
}

void LearnerProtocol::publish(std::unique_ptr<WeightSource> source, Nanoseconds now) {
  if (weights_ && source->version() <= weights_->version()) {
    throw Error({.where = "LearnerEndpoint::publish",
                 .what = "weight versions must rise",
                 .expected = "more than " + std::to_string(weights_->version()),
                 .got = std::to_string(source->version())});
  }
  // Somebody pulls the version that is superseded: it can be had a while longer. One at a time, so
  // that slow workers pin two images at most; nobody new is told of it, so that it comes to an end.
  const bool older_is_pulled = older_weights_ && now - older_pulled_ < kStillPulling;
  if (!older_is_pulled) older_weights_.reset();
  if (!older_weights_ && weights_ && now - weights_pulled_ < kStillPulling) {
    older_weights_ = std::move(weights_);
    older_pulled_ = weights_pulled_;
  }
  weights_ = std::move(source);
  weights_pulled_ = now - kStillPulling;
  for (auto& [number, session] : sessions_) offer_weights(session, now);
}

WeightSource* LearnerProtocol::source_for(std::uint64_t version, Nanoseconds now) {
  if (version == weights_->version()) {
    weights_pulled_ = now;
    return weights_.get();
  }
  if (!older_weights_ || version != older_weights_->version()) return nullptr;
  older_pulled_ = now;
  return older_weights_.get();
}

void LearnerProtocol::set_assignment(std::uint32_t slot, Bytes assignment) {
  const std::size_t most =
      options_.limits.max_message_bytes - options_.limits.max_control_bytes - kEnvelopeBytes;
  if (slot >= assignments_.size() || assignment.size() > most) {
    throw Error({.where = "LearnerEndpoint::set_assignment",
                 .what = "slot or size is out of range",
                 .expected = "a slot below " + std::to_string(assignments_.size()) +
                             " and at most " + std::to_string(most) + " bytes",
                 .got = "slot " + std::to_string(slot) + ", " + std::to_string(assignment.size()) +
                        " bytes",
                 .remedy = "raise limits.max_message_bytes on both ends for larger assignments"});
  }
  assignments_[slot] = std::move(assignment);
}

void LearnerProtocol::stop() {
  stopping_ = true;
  for (const auto& [number, session] : sessions_) {
    send(session.peer, encode(StopMessage{number}));
  }
}

void LearnerProtocol::send(const std::string& peer, SharedBytes message) {
  output_.messages.push_back({peer, std::move(message)});
}

void LearnerProtocol::event(WorkerEventKind kind, const Session& session,
                            const std::string& reason) {
  output_.events.push_back({.kind = kind,
                            .worker_id = session.worker_id,
                            .slot = session.slot,
                            .worker_name = session.name,
                            .reason = reason});
}

SharedBytes LearnerProtocol::ack_of(const Session& session) const {
  AckMessage ack;
  ack.session = session.number;
  ack.received_through = session.settled;
  ack.credit_limit = session.credit_limit;
  ack.gap = session.gap ? 1 : 0;
  return encode(ack);
}

void LearnerProtocol::owe_ack(Session& session) {
  if (!session.ack_due) owed_acks_.push_back(session.number);
  session.ack_due = true;
}

LearnerOutput LearnerProtocol::take_output() {
  for (const std::uint64_t number : owed_acks_) {
    const auto found = sessions_.find(number);
    if (found == sessions_.end()) continue;  // it has ended since
    Session& session = found->second;
    send(session.peer, ack_of(session));
    session.ack_due = false;
    session.gap = false;
  }
  owed_acks_.clear();
  return std::exchange(output_, {});
}

}  // namespace rl::transport
