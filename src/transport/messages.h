// What the two ends say to each other. Meaning and answers: docs/wire.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/transport/envelope.h"

namespace rl::transport {

// `session` is a random number a worker's endpoint draws once: it names the (worker, epoch) pair.
// `learner` is a random number that a learner's endpoint draws once: a learner that was restarted, and
// stands where its checkpoint does, is another one. A worker that was welcomed repeats it in all it
// says, so that nothing made for one learner reaches the next.

struct HelloMessage {
  static constexpr MessageType kType = MessageType::hello;
  std::uint64_t session = 0;
  std::uint8_t rejoin = 0;  // 1: was welcomed before
  std::uint64_t run_id = 0;
  std::uint64_t spec_digest = 0;
  std::int32_t wanted_slot = -1;
  std::string worker_name{};
  std::string spec_text{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, rejoin, run_id, spec_digest, wanted_slot, worker_name, spec_text);
  }
};

struct WelcomeMessage {  // body: the assignment
  static constexpr MessageType kType = MessageType::welcome;
  std::uint64_t session = 0;
  std::uint64_t run_id = 0;
  std::uint64_t worker_id = 0;
  std::uint32_t slot = 0;
  std::uint32_t num_slots = 0;
  std::uint64_t weight_version = 0;
  std::uint64_t received_through = 0;
  std::uint64_t credit_limit = 0;
  std::uint64_t learner = 0;
  std::string run_config{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, run_id, worker_id, slot, num_slots, weight_version, received_through,
            credit_limit, learner, run_config);
  }
};

struct RefusalMessage {
  static constexpr MessageType kType = MessageType::refusal;
  std::uint64_t session = 0;
  std::uint32_t retry_after_ms = 0;  // 0: for good
  std::string what{};
  std::string expected{};
  std::string got{};
  std::string remedy{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, retry_after_ms, what, expected, got, remedy);
  }
};

struct ExperienceHeader {  // body: count times {u32 length, fragment block}
  static constexpr MessageType kType = MessageType::experience;
  std::uint64_t session = 0;
  std::uint64_t produced = 0;        // highest sequence number given out so far
  std::uint64_t first_sequence = 0;  // from 1
  std::uint32_t count = 0;
  std::uint64_t learner = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, produced, first_sequence, count, learner);
  }
};

struct AckMessage {
  static constexpr MessageType kType = MessageType::ack;
  std::uint64_t session = 0;
  std::uint64_t received_through = 0;  // every sequence number up to here is settled
  std::uint64_t credit_limit = 0;      // bytes of fragments the session may have sent in all
  std::uint8_t gap = 0;                // 1: something behind received_through was missed
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, received_through, credit_limit, gap);
  }
};

struct HeartbeatMessage {
  static constexpr MessageType kType = MessageType::heartbeat;
  std::uint64_t session = 0;
  std::uint64_t produced = 0;
  std::uint64_t steps = 0;
  std::uint64_t weight_version = 0;
  std::uint64_t alive_us = 0;
  std::uint64_t waited_us = 0;
  std::uint64_t learner = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, produced, steps, weight_version, alive_us, waited_us, learner);
  }
};

struct GoodbyeMessage {
  static constexpr MessageType kType = MessageType::goodbye;
  std::uint64_t session = 0;
  std::uint64_t produced = 0;
  std::uint8_t abandon = 0;  // 1: leaves at once, whatever is unacknowledged is lost
  std::uint64_t learner = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, produced, abandon, learner);
  }
};

template <MessageType Type>
struct SessionMessage {
  static constexpr MessageType kType = Type;
  std::uint64_t session = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session);
  }
};
using GoodbyeAckMessage = SessionMessage<MessageType::goodbye_ack>;
using StopMessage = SessionMessage<MessageType::stop>;
using UnknownSessionMessage = SessionMessage<MessageType::unknown_session>;

// A sealed message with this header and body.
template <class Header>
SharedBytes encode(const Header& header, std::span<const std::byte> body = {});

// nullopt unless the header is exactly one `Header`, nothing missing and nothing left over, and
// the body is empty where the type has none. Never throws for any input.
template <class Header>
std::optional<Header> decode(const ParsedMessage& message);

using Block = std::span<const std::byte>;  // of a fragment

// A sealed experience message with these blocks, in the memory of `buffer`; sets header.count.
Bytes encode_experience(ExperienceHeader header, std::span<const Block> blocks, Bytes buffer = {});

// The blocks in the body, as views; nullopt unless they are header.count blocks and nothing else.
std::optional<std::vector<Block>> split_experience(const ExperienceHeader& header,
                                                   std::span<const std::byte> body);

}  // namespace rl::transport
