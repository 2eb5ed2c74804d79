// A learner's half of the protocol, and whatever workers may say to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/transport/learner_protocol.h"
#include "tests/transport/fixtures.h"

namespace rl::transport {

inline constexpr Nanoseconds kStart = std::chrono::seconds(1);

struct Learner {
  explicit Learner(std::uint32_t slots = 2, LearnerOptions with = {})
      : manifest(small_manifest(slots)), protocol(with, manifest, 0) {}

  // The answers to one message from `peer`.
  template <class Header>
  std::vector<SharedBytes> say(const std::string& peer, const Header& header, Block body = {}) {
    return say_bytes(peer, *encode(header, body));
  }
  std::vector<SharedBytes> say_bytes(const std::string& peer, const Bytes& message,
                                     const std::string& user = {}) {
    protocol.on_message(peer, user, message, now);
    return collect();
  }
  std::vector<SharedBytes> collect() {
    LearnerOutput output = protocol.take_output();
    for (auto& fragment : output.fragments) fragments.push_back(std::move(fragment));
    for (auto& one : output.refused) refused.push_back(std::move(one));
    for (auto& event : output.events) events.push_back(std::move(event));
    std::vector<SharedBytes> answers;
    for (const auto& [peer, message] : output.messages) answers.push_back(message);
    return answers;
  }
  std::vector<SharedBytes> join(std::uint64_t session, const std::string& user = {}) {
    return say_bytes(name(session), *encode(hello(session)), user);
  }
  static std::string name(std::uint64_t session) { return "peer" + std::to_string(session); }
  static HelloMessage hello(std::uint64_t session) {
    HelloMessage message;
    message.session = session;
    message.run_id = 77;
    message.spec_digest = digest(small_environment());
    message.spec_text = describe(small_environment());
    message.worker_name = "bob";
    return message;
  }
  std::vector<SharedBytes> send(std::uint64_t session, std::uint64_t first,
                                const std::vector<FragmentPtr>& items) {
    std::vector<Block> blocks;
    for (const auto& item : items) blocks.push_back(item->block());
    ExperienceHeader header;
    header.session = session;
    header.first_sequence = first;
    header.produced = first + items.size() - 1;
    return say_bytes(name(session), encode_experience(header, blocks));
  }
  std::uint64_t dropped(DropReason reason) const {
    return protocol.counters().dropped[static_cast<std::size_t>(reason)];
  }
  FragmentPtr fragment(std::uint64_t sequence) const {
    return small_fragment(manifest.schema, 0, sequence);
  }

  RunManifest manifest;
  LearnerProtocol protocol;
  Nanoseconds now = kStart;
  std::vector<ReceivedFragment> fragments;
  std::vector<WorkerEvent> events;
  std::vector<RefusedFragment> refused;
};

template <class Header>
std::optional<Header> find(const std::vector<SharedBytes>& messages) {
  for (const auto& message : messages) {
    if (auto header = decode<Header>(parse_message(*message, Limits{}))) return header;
  }
  return std::nullopt;
}

}  // namespace rl::transport
