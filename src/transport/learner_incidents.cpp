// LearnerProtocol: what the gate tells of those it closed the door on.
#include "rl/core/checksum.h"
#include "src/transport/learner_protocol.h"

namespace rl::transport {

const char* reason_text(Rejection reason) {
  switch (reason) {
    case Rejection::not_zmtp:
      return "spoke another protocol";
    case Rejection::not_curve:
      return "asked for no encryption, or another kind";
    case Rejection::bad_handshake:
      return "broke the handshake's rules";
    case Rejection::wrong_key:
      return "had a key that is not let in, or looked for another learner";
    case Rejection::too_slow:
      return "did not finish the handshake in time";
    case Rejection::crowded_out:
      return "came with too many at once";
    case Rejection::left_early:
      return "left before it was let in";
    case Rejection::bad_frame:
      return "sent a frame that is not encrypted";
    case Rejection::giant_frame:
      return "began a frame longer than max_message_bytes";
    case Rejection::unfinished_message:
      return "sent parts of a message that does not end";
    case Rejection::tiny_frames:
      return "sent a flood of frames too small for a message";
    case Rejection::hoarding:
      return "held most of the memory for unfinished messages";
    case Rejection::silent:
      return "said nothing for as long as a lost worker is waited for";
    case Rejection::shut_out:
      return "was shut out";
    case Rejection::count_:
      break;
  }
  return "unknown";
}

void LearnerProtocol::on_report(const GateReport& report, Nanoseconds now) {
  counters_.connections_let_in += report.let_in;
  for (std::size_t i = 0; i < report.rejected.size(); ++i) {
    counters_.connections_rejected[i] += report.rejected[i];
  }
  for (const Incident& incident : report.incidents) tell_of(incident, now);
}

// A frame's head is not encrypted: whoever sits on the network between the two may have changed it.
// A message that does not end is the key's own doing.
void LearnerProtocol::tell_of(const Incident& incident, Nanoseconds now) {
  if (incident.reason == Rejection::silent || incident.reason == Rejection::shut_out) return;
  if (incident.reason == Rejection::left_early) return;
  const std::string what = reason_text(incident.reason) + (" (from " + incident.source) + ")";
  if (incident.reason == Rejection::unfinished_message) {
    return strike({.peer = {}, .user = incident.key, .now = now}, nullptr, what);
  }
  if (!event_limiter_.allow(fnv1a(incident.key), now)) return;
  WorkerEvent told{
      .kind = incident.key.empty() ? WorkerEventKind::refused : WorkerEventKind::misbehaved,
      .worker_name = "unknown",
      .reason = what};
  if (!incident.key.empty()) told.reason += " (key " + incident.key + ")";
  output_.events.push_back(std::move(told));
}

}  // namespace rl::transport
