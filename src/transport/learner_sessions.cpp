// LearnerProtocol: who is in, how one joins and leaves.
#include <algorithm>

#include "rl/core/checksum.h"
#include "rl/core/error.h"
#include "src/transport/learner_protocol.h"

namespace rl::transport {
namespace {

constexpr std::uint32_t kSlotRetryMs = 500;
constexpr std::uint32_t kProbeRetryMs = 10;  // time to learn which connections are gone
// At the end of a run: for what one whose connection is gone had sent before.
constexpr Nanoseconds kLastWords = std::chrono::milliseconds(500);
constexpr Nanoseconds kSecond = std::chrono::seconds(1);
constexpr Nanoseconds kQuiet = std::chrono::milliseconds(50);
constexpr std::size_t kMaxNameLength = 128;

// Names end up in logs and terminals.
std::string printable(const std::string& text) {
  std::string clean = text.substr(0, kMaxNameLength);
  std::replace_if(
      clean.begin(), clean.end(), [](unsigned char c) { return c < 32 || c == 127; }, '?');
  return clean.empty() ? "unnamed" : clean;
}

// What a ban holds for: the CURVE key, or without keys the connection.
const std::string& key_of(const Session& session) {
  return session.user.empty() ? session.peer : session.user;
}

RefusalMessage session_ended() {
  RefusalMessage refusal;
  refusal.what = "the learner does not know this session any more";
  refusal.expected = "a session it welcomed and has heard from since";
  refusal.got = "one it counted as lost or closed, or of before its restart";
  refusal.remedy = "connect anew; what was unacknowledged is lost and counted";
  return refusal;
}

}  // namespace

LearnerProtocol::LearnerProtocol(const LearnerOptions& options, RunManifest manifest,
                                 std::uint64_t number)
    : options_(options),
      manifest_(std::move(manifest)),
      spec_digest_(digest(manifest_.environment)),
      number_(number),
      slots_(manifest_.num_slots),
      assignments_(manifest_.num_slots),
      strikes_(options.limits.strikes) {
  if (manifest_.schema == nullptr || manifest_.num_slots == 0 ||
      manifest_.num_slots > options.limits.max_workers) {
    throw Error(
        {.where = "LearnerEndpoint",
         .what = "the run manifest is incomplete",
         .expected = "a schema and 1 to " + std::to_string(options.limits.max_workers) + " slots",
         .got = std::string(manifest_.schema ? "a schema" : "no schema") + " and " +
                std::to_string(manifest_.num_slots) + " slots"});
  }
}

void LearnerProtocol::on_hello(const Sender& sender, const ParsedMessage& message) {
  const auto hello = decode<HelloMessage>(message);
  if (!hello || hello->session == 0) return strike(sender, nullptr, "hello cannot be read");
  if (auto refusal = objection(*hello, sender)) {
    refusal->session = hello->session;
    return refuse(sender, *refusal, printable(hello->worker_name));
  }
  if (sessions_.contains(hello->session)) {  // repeated, or the connection is a new one
    Session& session = sessions_.at(hello->session);
    session.peer = sender.peer;
    session.last_heard = sender.now;
    session.gone = false;
    welcome(session);
    offer_weights(session, sender.now);
    return;
  }
  admit(sender, *hello);
}

std::optional<RefusalMessage> LearnerProtocol::objection(const HelloMessage& hello,
                                                         const Sender& sender) {
  const auto known = sessions_.find(hello.session);
  if (known != sessions_.end() && known->second.user == sender.user) return std::nullopt;
  if (known != sessions_.end() || hello.rejoin != 0 || ended_.find(hello.session)) {
    return session_ended();
  }
  RefusalMessage refusal;
  if (hello.run_id != 0 && hello.run_id != manifest_.run_id) {
    refusal.what = "this worker belongs to another run";
    refusal.expected = "run " + std::to_string(manifest_.run_id) + " (the learner)";
    refusal.got = "run " + std::to_string(hello.run_id) + " (the worker)";
    refusal.remedy = "connect to the learner of that run, or start the worker without a run id";
  } else if (hello.spec_digest != 0 && hello.spec_digest != spec_digest_) {
    refusal.what = "the environments differ";
    refusal.expected = "(the learner) " + describe(manifest_.environment);
    refusal.got = "(the worker) " + hello.spec_text;
    refusal.remedy = "start both ends with the same environment and the same release";
  } else if (stopping_) {
    refusal.what = "the run is ending";
    refusal.remedy = "start the learner again first";
  } else if (!free_slot(hello.wanted_slot)) {
    refusal.what = "all " + std::to_string(slots_.size()) + " slots are taken";
    refusal.remedy = "stop a worker, or start the learner with more workers";
    refusal.retry_after_ms = probe_silent(sender.now) ? kProbeRetryMs : kSlotRetryMs;
  } else {
    return std::nullopt;
  }
  return refusal;
}

std::optional<std::uint32_t> LearnerProtocol::free_slot(std::int32_t wanted) const {
  if (wanted >= 0 && static_cast<std::size_t>(wanted) < slots_.size()) {
    const auto slot = static_cast<std::uint32_t>(wanted);
    if (slots_[slot] == 0 || holder_is_gone(slot)) return slot;
  }
  const auto free = std::find(slots_.begin(), slots_.end(), 0);
  if (free != slots_.end()) return static_cast<std::uint32_t>(free - slots_.begin());
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (holder_is_gone(slot)) return slot;
  }
  return std::nullopt;
}

bool LearnerProtocol::holder_is_gone(std::uint32_t slot) const {
  const auto holder = sessions_.find(slots_[slot]);
  return holder != sessions_.end() && holder->second.gone;
}

void LearnerProtocol::on_gone(std::string_view peer) {
  for (auto& [number, session] : sessions_) session.gone |= session.peer == peer;
}

// Somebody waits for a slot: an acknowledgement sent to those who are silent shows which of them
// are connected no more. Each is asked once a second at most.
bool LearnerProtocol::probe_silent(Nanoseconds now) {
  bool any = false;
  for (auto& [number, session] : sessions_) {
    const bool due = now - session.last_heard >= kQuiet && now - session.probed >= kSecond;
    if (session.gone || !due) continue;
    session.probed = now;
    send(session.peer, ack_of(session));
    any = true;
  }
  return any;
}

void LearnerProtocol::admit(const Sender& sender, const HelloMessage& hello) {
  Session session;
  session.number = hello.session;
  session.worker_id = next_worker_id_++;
  session.slot = *free_slot(hello.wanted_slot);
  if (holder_is_gone(session.slot)) {
    end(sessions_.at(slots_[session.slot]), Ended::lost, DropReason::worker_lost,
        WorkerEventKind::lost, "its connection is gone and another worker took its slot");
  }
  session.name = printable(hello.worker_name);
  session.peer = sender.peer;
  session.user = sender.user;
  session.last_heard = sender.now;
  session.credit_limit = options_.credit_bytes;
  slots_[session.slot] = session.number;
  numbers_[session.worker_id] = session.number;
  Session& kept = sessions_[session.number] = std::move(session);
  welcome(kept);
  offer_weights(kept, sender.now);
  event(WorkerEventKind::joined, kept, "took slot " + std::to_string(kept.slot));
}

void LearnerProtocol::welcome(Session& session) {
  WelcomeMessage message;
  message.session = session.number;
  message.run_id = manifest_.run_id;
  message.worker_id = session.worker_id;
  message.slot = session.slot;
  message.num_slots = manifest_.num_slots;
  message.weight_version = weights_ ? weights_->version() : 0;
  message.received_through = session.settled;
  message.credit_limit = session.credit_limit;
  message.learner = number_;
  message.run_config = manifest_.run_config;
  send(session.peer, encode(message, assignments_[session.slot]));
  if (stopping_) send(session.peer, encode(StopMessage{session.number}));
}

void LearnerProtocol::refuse(const Sender& sender, const RefusalMessage& refusal,
                             const std::string& name) {
  ++counters_.hellos_refused;
  send(sender.peer, encode(refusal));
  if (!event_limiter_.allow(fnv1a(sender.peer), sender.now)) return;
  output_.events.push_back({.kind = WorkerEventKind::refused,
                            .worker_name = name,
                            .reason = to_string({.where = "worker '" + name + "'",
                                                 .what = refusal.what,
                                                 .expected = refusal.expected,
                                                 .got = refusal.got,
                                                 .remedy = refusal.remedy})});
}

void LearnerProtocol::on_goodbye(const Sender& sender, const ParsedMessage& message) {
  const auto goodbye = decode<GoodbyeMessage>(message);
  if (!goodbye) return strike(sender, nullptr, "goodbye cannot be read");
  if (ended_.find(goodbye->session) == Ended::left) {
    return send(sender.peer, encode(GoodbyeAckMessage{goodbye->session}));
  }
  Session* session = speaker(sender, *goodbye);
  if (session == nullptr) return;
  if (!note_produced(*session, goodbye->produced)) {
    return strike(sender, session, "goodbye tells of more fragments than its credit allows");
  }
  if (goodbye->abandon == 0 && session->settled < session->produced) {
    owe_ack(*session);
    session->gap = true;
    return;
  }
  send(session->peer, encode(GoodbyeAckMessage{session->number}));
  end(*session, Ended::left, DropReason::shutdown, WorkerEventKind::left,
      goodbye->abandon == 0 ? "said goodbye" : "left at once");
}

void LearnerProtocol::on_tick(Nanoseconds now) {
  std::vector<std::uint64_t> lost;
  for (auto& [number, session] : sessions_) {
    const Nanoseconds silence = now - session.last_heard;
    const bool awaited = stopping_ && silence > kLastWords;  // its goodbye
    if ((awaited && session.gone) || silence > options_.worker_timeout) {
      lost.push_back(number);
    } else if (awaited && now - session.probed > kLastWords) {
      session.probed = now;
      send(session.peer, encode(StopMessage{number}));
    }
  }
  for (const std::uint64_t number : lost) {
    const Session& session = sessions_.at(number);
    const auto silence =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - session.last_heard);
    end(sessions_.at(number), Ended::lost, DropReason::worker_lost, WorkerEventKind::lost,
        (session.gone ? "its connection is gone, and it was" : "was") +
            std::string(" silent for ") + std::to_string(silence.count()) + " ms");
  }
}

void LearnerProtocol::end(Session& session, Ended how, DropReason reason, WorkerEventKind kind,
                          const std::string& why) {
  const std::uint64_t missing = session.produced - session.settled;
  counters_.dropped[static_cast<std::size_t>(reason)] += missing;
  event(kind, session,
        why + (missing == 0 ? "" : "; " + std::to_string(missing) + " fragments never arrived"));
  output_.events.back().settled = session.settled;
  output_.events.back().produced = session.produced;
  output_.events.back().missing = reason;
  slots_[session.slot] = 0;
  numbers_.erase(session.worker_id);
  ended_.add(session.number, how);
  sessions_.erase(session.number);
}

void LearnerProtocol::strike(const Sender& sender, Session* session, std::string_view defect) {
  const std::string& key = sender.user.empty() ? sender.peer : sender.user;
  const bool banned = strikes_.add(key);
  if (banned || event_limiter_.allow(fnv1a(key), sender.now)) {
    const std::string reason =
        std::string(defect) + (sender.user.empty() ? "" : " (key " + sender.user + ")") +
        (banned
             ? "; banned after " + std::to_string(options_.limits.strikes) + " malformed messages"
             : "");
    Session stranger;
    stranger.name = "unknown";
    event(WorkerEventKind::misbehaved, session ? *session : stranger, reason);
  }
  if (banned) expel(key, "was banned");
}

void LearnerProtocol::expel(const std::string& key, const std::string& why) {
  std::vector<std::uint64_t> guilty;
  for (const auto& [number, other] : sessions_) {
    if (key_of(other) == key) guilty.push_back(number);
  }
  for (const std::uint64_t number : guilty) {
    end(sessions_.at(number), Ended::lost, DropReason::worker_lost, WorkerEventKind::lost, why);
  }
  output_.shut_out.push_back(key);
}

void LearnerProtocol::quarantine(std::uint64_t worker_id, const std::string& why) {
  const auto number = numbers_.find(worker_id);
  if (number == numbers_.end()) return;  // it has left since
  const Session& session = sessions_.at(number->second);
  const std::string key = key_of(session);
  event(WorkerEventKind::misbehaved, session,
        why + "; quarantined, with its " +
            (session.user.empty() ? "connection" : "key " + printable(session.user)));
  strikes_.ban(key);
  send(session.peer, encode(UnknownSessionMessage{session.number}));
  expel(key, "was quarantined");
}

Session* LearnerProtocol::speaker(const Sender& sender, std::uint64_t session,
                                  std::uint64_t learner) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || learner != number_ || found->second.peer != sender.peer ||
      found->second.user != sender.user) {
    ++counters_.stray_messages;
    send(sender.peer, encode(UnknownSessionMessage{session}));
    return nullptr;
  }
  found->second.last_heard = sender.now;
  found->second.gone = false;
  return &found->second;
}

std::vector<WorkerStatus> LearnerProtocol::workers() const {
  std::vector<WorkerStatus> result;
  for (const auto& [number, session] : sessions_) {
    result.push_back({.worker_id = session.worker_id,
                      .slot = session.slot,
                      .name = session.name,
                      .steps = session.steps,
                      .last_sequence = session.settled,
                      .weight_version = session.weight_version,
                      .alive = std::chrono::microseconds(session.alive_us),
                      .waited = std::chrono::microseconds(session.waited_us),
                      .last_heard = session.last_heard});
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.slot < b.slot; });
  return result;
}

}  // namespace rl::transport
