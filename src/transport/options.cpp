#include "rl/transport/options.h"

#include "rl/core/error.h"
#include "src/transport/address.h"
#include "src/transport/envelope.h"

namespace rl::transport {
namespace {

constexpr std::size_t kKeyLength = 40;  // 32 bytes as Z85 text
constexpr std::size_t kMostMessageBytes = std::size_t{1} << 30;

void require(bool good, std::string_view where, const std::string& field,
             const std::string& expected, const std::string& got) {
  if (good) return;
  throw Error({.where = std::string(where),
               .what = field + " is out of range",
               .expected = expected,
               .got = got});
}

void check_limits(const Limits& limits, std::string_view where) {
  const auto check = [&](bool good, const std::string& field, const std::string& expected,
                         std::size_t got) {
    require(good, where, "limits." + field, expected, std::to_string(got));
  };
  check(limits.max_control_bytes >= 1024, "max_control_bytes", "at least 1024",
        limits.max_control_bytes);
  check(limits.max_message_bytes >= 2 * limits.max_control_bytes &&
            limits.max_message_bytes <= kMostMessageBytes,
        "max_message_bytes", "twice max_control_bytes to 2^30", limits.max_message_bytes);
  check(limits.weight_chunk_bytes >= 1024 &&
            limits.weight_chunk_bytes <= limits.max_message_bytes - limits.max_control_bytes,
        "weight_chunk_bytes", "1024 to max_message_bytes - max_control_bytes",
        limits.weight_chunk_bytes);
  check(limits.max_fragments_per_message >= 1, "max_fragments_per_message", "at least 1",
        limits.max_fragments_per_message);
  check(limits.max_workers >= 1, "max_workers", "at least 1", limits.max_workers);
  check(limits.strikes >= 1, "strikes", "at least 1", static_cast<std::size_t>(limits.strikes));
}

void check_key(const std::string& key, std::string_view where, const std::string& field) {
  require(key.size() == kKeyLength, where, field, "a key of 40 characters (Z85)",
          std::to_string(key.size()) + " characters");
}

void check_keys(const KeyPair& keys, std::string_view where) {
  check_key(keys.public_key, where, "keys.public_key");
  check_key(keys.secret_key, where, "keys.secret_key");
}

void check_times(std::chrono::milliseconds heartbeat, std::chrono::milliseconds timeout,
                 std::string_view where, const std::string& timeout_name) {
  require(heartbeat.count() >= 1, where, "heartbeat_every", "at least 1 ms",
          std::to_string(heartbeat.count()));
  require(timeout >= 2 * heartbeat, where, timeout_name, "at least two heartbeats",
          std::to_string(timeout.count()) + " ms");
}

[[noreturn]] void needs_keys(std::string_view where, const std::string& address) {
  throw Error({.where = std::string(where),
               .what = "no keys, but other hosts can reach " + address,
               .expected = "keys, or an ipc, inproc or loopback address",
               .got = address,
               .remedy = "make keys with `corral keygen DIR` and give them to both ends"});
}

bool has_keys(const KeyPair& keys) {
  return !keys.public_key.empty() || !keys.secret_key.empty();
}

}  // namespace

void validate(const LearnerOptions& options) {
  constexpr std::string_view kWhere = "LearnerOptions";
  const Address address = parse_address(options.bind, kWhere);
  check_limits(options.limits, kWhere);
  check_times(options.heartbeat_every, options.worker_timeout, kWhere, "worker_timeout");
  require(options.credit_bytes >= kLeastCreditBytes, kWhere, "credit_bytes",
          "at least " + std::to_string(kLeastCreditBytes), std::to_string(options.credit_bytes));
  if (!has_keys(options.keys)) {
    if (address.is_wide) needs_keys(kWhere, options.bind);
    return;
  }
  check_keys(options.keys, kWhere);
  for (const std::string& key : options.allowed_workers) check_key(key, kWhere, "allowed_workers");
}

void validate(const WorkerOptions& options) {
  constexpr std::string_view kWhere = "WorkerOptions";
  const Address address = parse_address(options.connect, kWhere);
  check_limits(options.limits, kWhere);
  check_times(options.heartbeat_every, options.learner_timeout, kWhere, "learner_timeout");
  require(options.gather_time.count() >= 0, kWhere, "gather_time", "at least 0 ms",
          std::to_string(options.gather_time.count()));
  require(options.batch_bytes <= options.limits.max_message_bytes, kWhere, "batch_bytes",
          "at most limits.max_message_bytes", std::to_string(options.batch_bytes));
  if (!has_keys(options.keys)) {
    if (address.is_wide) needs_keys(kWhere, options.connect);
    return;
  }
  check_keys(options.keys, kWhere);
  check_key(options.learner_key, kWhere, "learner_key");
}

}  // namespace rl::transport
