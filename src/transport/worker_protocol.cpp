#include "src/transport/worker_protocol.h"

#include <algorithm>

#include "rl/core/checksum.h"
#include "rl/core/error.h"

namespace rl::transport {
namespace {

using std::chrono::milliseconds;

constexpr Nanoseconds kFirstHelloPause = milliseconds(100);
constexpr Nanoseconds kLongestHelloPause = milliseconds(2000);
constexpr Nanoseconds kFirstResend = milliseconds(1000);
constexpr Nanoseconds kLongestResend = milliseconds(8000);
constexpr Nanoseconds kGapResend = milliseconds(20);
// A goodbye is said again ever later: thousands of workers leave a busy learner at once.
constexpr Nanoseconds kFirstGoodbyePause = milliseconds(200);
constexpr Nanoseconds kLongestGoodbyePause = milliseconds(2000);
constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);
constexpr std::size_t kExperienceOverhead = kEnvelopeBytes + 64;  // envelope and header

std::uint64_t microseconds(Nanoseconds time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

// Exponential backoff; the jitter (0.5 to 1) keeps workers that start together apart.
Nanoseconds hello_pause(std::uint64_t session, int attempt) {
  const auto longest = kFirstHelloPause * (1 << std::min(attempt, 10));
  const auto pause = std::min<Nanoseconds>(longest, kLongestHelloPause);
  const std::uint64_t jitter = fnv1a(std::to_string(session) + "/" + std::to_string(attempt));
  return pause / 2 + pause / 2000 * (jitter % 1000);
}

}  // namespace

WorkerProtocol::WorkerProtocol(const WorkerOptions& options, Hello hello, std::uint64_t session)
    : options_(options),
      hello_(std::move(hello)),
      session_(session),
      resend_after_(kFirstResend),
      weights_(options.limits) {}

void WorkerProtocol::push(SharedBytes message, bool experience) {
  outgoing_.push_back({std::move(message), experience});
  if (experience) ++queued_experience_;
}

void WorkerProtocol::pop_outgoing() {
  if (outgoing_.front().experience) --queued_experience_;
  outgoing_.pop_front();
}

void WorkerProtocol::send_hello(Nanoseconds now) {
  HelloMessage message;
  message.session = session_;
  message.rejoin = welcome_.has_value() ? 1 : 0;
  message.run_id = hello_.run_id;
  message.spec_digest = hello_.spec_digest;
  message.wanted_slot = hello_.wanted_slot;
  message.worker_name = hello_.worker_name;
  message.spec_text = hello_.spec_text;
  push(encode(message));
  next_hello_ = now + hello_pause(session_, hellos_++);
}

void WorkerProtocol::join(Nanoseconds now) {
  state_ = WorkerState::joining;
  send_hello(now);
}

bool WorkerProtocol::submit(FragmentPtr fragment, Nanoseconds now) {
  const std::size_t bytes = fragment->block().size();
  const std::size_t room = options_.limits.max_message_bytes - kExperienceOverhead - kLengthBytes;
  if (bytes > room) {
    throw Error(
        {.where = "WorkerEndpoint::send",
         .what = "fragment is larger than a message",
         .expected = "at most " + std::to_string(room) + " bytes",
         .got = std::to_string(bytes),
         .remedy = "use shorter fragments, or raise limits.max_message_bytes on both ends"});
  }
  if (submitted_bytes_ + bytes > credit_limit_) return false;
  const bool full = gathered_bytes_ + bytes + kLengthBytes > room ||
                    num_gathered_ == options_.limits.max_fragments_per_message;
  if (full) flush();
  if (ring_.empty()) resend_at_ = now + resend_after_;
  ring_.push_back({std::move(fragment), ++produced_});
  submitted_bytes_ += bytes;
  if (num_gathered_++ == 0) gathered_since_ = now;
  gathered_bytes_ += bytes + kLengthBytes;
  if (gathered_bytes_ >= options_.batch_bytes) flush();
  return true;
}

void WorkerProtocol::flush() {
  if (num_gathered_ == 0) return;
  pack(ring_.size() - num_gathered_, ring_.size());
  num_gathered_ = 0;
  gathered_bytes_ = 0;
}

void WorkerProtocol::pack(std::size_t first, std::size_t end) {
  auto header = to_my_learner<ExperienceHeader>();
  header.produced = produced_;
  header.first_sequence = ring_[first].sequence;
  std::vector<Block> blocks;
  for (std::size_t i = first; i < end; ++i) blocks.push_back(ring_[i].fragment->block());
  push(buffers_->share(encode_experience(header, blocks, buffers_->take())), true);
}

// Go-back-N: everything unacknowledged once more, in messages as full as they may be.
void WorkerProtocol::resend(Nanoseconds now) {
  flush();
  const std::size_t room = options_.limits.max_message_bytes - kExperienceOverhead;
  const std::size_t batch = std::min(room, options_.batch_bytes);
  for (std::size_t first = 0; first < ring_.size();) {
    std::size_t bytes = kLengthBytes + ring_[first].fragment->block().size();
    std::size_t end = first + 1;
    while (end < ring_.size() && end - first < options_.limits.max_fragments_per_message) {
      const std::size_t more = kLengthBytes + ring_[end].fragment->block().size();
      if (bytes + more > batch) break;
      bytes += more;
      ++end;
    }
    pack(first, end);
    first = end;
  }
  resend_after_ = std::min<Nanoseconds>(2 * resend_after_, kLongestResend);
  resend_at_ = now + resend_after_;
}

void WorkerProtocol::settle(std::uint64_t received_through, std::uint64_t credit_limit,
                            Nanoseconds now) {
  credit_limit_ = std::max(credit_limit_, credit_limit);
  if (received_through > produced_) return;
  while (!ring_.empty() && ring_.front().sequence <= received_through) {
    if (num_gathered_ == ring_.size()) return;  // never sent yet: not the learner's word to give
    ring_.pop_front();
    resend_after_ = kFirstResend;
    resend_at_ = now + resend_after_;
  }
}

void WorkerProtocol::leave(Nanoseconds now) {
  flush();
  if (state_ == WorkerState::idle || state_ == WorkerState::joining) {
    state_ = WorkerState::left;
  } else if (state_ == WorkerState::joined) {
    state_ = WorkerState::leaving;
    next_goodbye_ = now;
    goodbye_pause_ = kFirstGoodbyePause;
    on_tick(now);
  }
}

void WorkerProtocol::abandon() {
  outgoing_.clear();
  queued_experience_ = 0;
  if (state_ != WorkerState::joined && state_ != WorkerState::leaving) return;
  auto message = to_my_learner<GoodbyeMessage>();
  message.produced = produced_;
  message.abandon = 1;
  push(encode(message));
  state_ = WorkerState::left;
}

void WorkerProtocol::on_tick(Nanoseconds now) {
  if (state_ == WorkerState::joining) {
    if (now >= next_hello_ && !has_outgoing()) send_hello(now);
    return;
  }
  if (state_ != WorkerState::joined && state_ != WorkerState::leaving) return;
  if (!ring_.empty() && now >= resend_at_ && queued_experience_ == 0) resend(now);
  if (num_gathered_ > 0 && now - gathered_since_ >= options_.gather_time) flush();
  if (now >= next_heartbeat_) {
    flush();
    auto message = to_my_learner<HeartbeatMessage>();
    message.produced = produced_;
    message.steps = progress_.steps;
    message.alive_us = microseconds(progress_.alive);
    message.waited_us = microseconds(progress_.waited);
    message.weight_version = weights_.newest_version();
    push(encode(message));
    next_heartbeat_ = now + options_.heartbeat_every;
    if (!silent_since_) silent_since_ = now;
  }
  if (state_ == WorkerState::leaving && now >= next_goodbye_) {
    auto message = to_my_learner<GoodbyeMessage>();
    message.produced = produced_;
    push(encode(message));
    next_goodbye_ = now + goodbye_pause_;
    goodbye_pause_ = std::min<Nanoseconds>(2 * goodbye_pause_, kLongestGoodbyePause);
  }
  request_chunks(now);
}

Nanoseconds WorkerProtocol::next_tick() const {
  // A hello that could not leave yet is not repeated.
  if (state_ == WorkerState::joining) return has_outgoing() ? Nanoseconds::max() : next_hello_;
  if (state_ != WorkerState::joined && state_ != WorkerState::leaving) return Nanoseconds::max();
  Nanoseconds next = std::min(next_heartbeat_, weights_.next_repeat());
  if (num_gathered_ > 0) next = std::min(next, gathered_since_ + options_.gather_time);
  if (!ring_.empty() && queued_experience_ == 0) next = std::min(next, resend_at_);
  if (state_ == WorkerState::leaving) next = std::min(next, next_goodbye_);
  return next;
}

void WorkerProtocol::request_chunks(Nanoseconds now) {
  while (const auto chunk = weights_.next_request(now)) {
    auto message = to_my_learner<WeightRequestMessage>();
    message.version = weights_.pulling();
    message.chunk = *chunk;
    push(encode(message));
  }
}

void WorkerProtocol::on_message(std::span<const std::byte> message, Nanoseconds now) {
  if (state_ == WorkerState::idle || state_ == WorkerState::left ||
      state_ == WorkerState::refused) {
    return;
  }
  const ParsedMessage parsed = parse_message(message, options_.limits);
  switch (parsed.status) {
    case ParseStatus::ok:
      dispatch(parsed, now);
      break;
    case ParseStatus::malformed:
      ++malformed_;
      break;
    case ParseStatus::other_version:
      on_other_version(parsed.version);
      break;
  }
}

void WorkerProtocol::on_other_version(std::uint16_t version) {
  if (state_ != WorkerState::joining) {
    ++malformed_;
    return;
  }
  refusal_ = RefusalMessage{};
  refusal_->what = "the learner speaks another protocol version";
  refusal_->expected = "version " + std::to_string(kProtocolVersion) + " (this worker)";
  refusal_->got = "version " + std::to_string(version) + " (the learner)";
  refusal_->remedy = "use the same release of corral on both ends";
  state_ = WorkerState::refused;
}

void WorkerProtocol::dispatch(const ParsedMessage& message, Nanoseconds now) {
  bool understood = true;
  switch (message.type) {
    case MessageType::welcome:
      understood = on_welcome(message, now);
      break;
    case MessageType::refusal:
      understood = on_refusal(message, now);
      break;
    case MessageType::ack:
      understood = on_ack(message, now);
      break;
    case MessageType::notice:
      if (const auto notice = decode<NoticeMessage>(message)) {
        weights_.on_notice(*notice, now);
      } else {
        understood = false;
      }
      break;
    case MessageType::weight_chunk:
      if (const auto header = decode<ChunkHeader>(message)) {
        weights_.on_chunk(*header, message.body, now);
      } else {
        understood = false;
      }
      break;
    default:
      understood = on_session_message(message, now);
      break;
  }
  if (!understood) {
    ++malformed_;
    return;
  }
  silent_since_.reset();
  if (state_ == WorkerState::joined) request_chunks(now);
}

bool WorkerProtocol::on_welcome(const ParsedMessage& message, Nanoseconds now) {
  const auto header = decode<WelcomeMessage>(message);
  if (!header) return false;
  if (header->session != session_) return true;
  const bool rejoined = welcome_.has_value();
  if (rejoined && header->learner != learner_) {
    on_other_learner();
    return true;
  }
  if (!rejoined) {
    welcome_ = Welcome{.run_id = header->run_id,
                       .worker_id = header->worker_id,
                       .slot = header->slot,
                       .num_slots = header->num_slots,
                       .run_config = header->run_config,
                       .assignment = Bytes(message.body.begin(), message.body.end()),
                       .weight_version = header->weight_version};
    learner_ = header->learner;
    weights_.set_learner(header->run_id, learner_);
    state_ = WorkerState::joined;
    next_heartbeat_ = now + options_.heartbeat_every;
  }
  refusal_.reset();
  hellos_ = 0;
  settle(header->received_through, header->credit_limit, now);
  if (rejoined) {
    weights_.forget_requests();
    if (!ring_.empty() && queued_experience_ == 0) resend(now);
  }
  return true;
}

// Another learner let this session in, by a hello from before the first one's welcome. It stands
// elsewhere than what this worker was told: what was made so far is not for it.
void WorkerProtocol::on_other_learner() {
  refusal_ = RefusalMessage{};
  refusal_->what = "the learner was restarted";
  refusal_->expected = "the one that welcomed this session";
  refusal_->got = "another one";
  refusal_->remedy = "connect anew; what was unacknowledged is lost and counted";
  state_ = WorkerState::refused;
}

bool WorkerProtocol::on_refusal(const ParsedMessage& message, Nanoseconds now) {
  auto refusal = decode<RefusalMessage>(message);
  if (!refusal) return false;
  if (refusal->session != session_) return true;
  if (refusal->retry_after_ms == 0) {
    state_ = WorkerState::refused;
  } else if (state_ == WorkerState::joining) {
    next_hello_ = now + milliseconds(std::min(refusal->retry_after_ms, std::uint32_t{10000}));
  }
  refusal_ = std::move(refusal);
  return true;
}

bool WorkerProtocol::on_ack(const ParsedMessage& message, Nanoseconds now) {
  const auto ack = decode<AckMessage>(message);
  if (!ack) return false;
  if (ack->session != session_) return true;
  settle(ack->received_through, ack->credit_limit, now);
  // A gap is worth a resend at once, but one resend answers the whole burst of such acks.
  const Nanoseconds last_resend = resend_at_ - resend_after_;
  if (ack->gap != 0 && !ring_.empty() && queued_experience_ == 0 &&
      now - last_resend >= kGapResend) {
    resend(now);
  }
  return true;
}

bool WorkerProtocol::on_session_message(const ParsedMessage& message, Nanoseconds now) {
  if (const auto stop = decode<StopMessage>(message)) {
    if (stop->session == session_) stop_requested_ = true;
  } else if (const auto unknown = decode<UnknownSessionMessage>(message)) {
    if (unknown->session == session_ && now >= next_hello_) send_hello(now);
  } else if (const auto goodbye = decode<GoodbyeAckMessage>(message)) {
    if (goodbye->session == session_ && state_ == WorkerState::leaving) {
      ring_.clear();
      num_gathered_ = 0;  // submitted after leave(): nobody takes it any more
      gathered_bytes_ = 0;
      outgoing_.clear();
      queued_experience_ = 0;
      state_ = WorkerState::left;
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace rl::transport
