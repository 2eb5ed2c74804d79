// What every Channel must do, whatever carries it.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "src/transport/channel.h"

namespace rl::transport {

// Two connected ends and a second connection to the learner's end.
struct ChannelFixture {
  std::unique_ptr<Channel> learner;
  std::unique_ptr<Channel> worker;
  std::unique_ptr<Channel> other_worker;
};

struct Heard {
  std::string peer;
  Bytes message;
};

inline SharedBytes text_message(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return std::make_shared<const Bytes>(bytes.begin(), bytes.end());
}

// The next message, waiting for it as long as it takes within a generous bound.
inline Heard hear(Channel& channel) {
  Heard heard;
  for (int round = 0; round < 2000; ++round) {
    const bool any = channel.receive([&](const Incoming& incoming) {
      heard = {std::string(incoming.peer), Bytes(incoming.message.begin(), incoming.message.end())};
    });
    if (any) return heard;
    channel.wait(std::chrono::milliseconds(10));
  }
  FAIL("nothing arrived");
  return heard;
}

inline void say(Channel& channel, const std::string& peer, const SharedBytes& message) {
  for (int round = 0; round < 2000; ++round) {
    if (channel.send(peer, message) == Sent::yes) return;
    channel.wait(std::chrono::milliseconds(10), true);
  }
  FAIL("the message was not taken");
}

inline void check_channel(const std::function<ChannelFixture()>& make) {
  SUBCASE("messages arrive whole and in order, small and large, and answers find their way") {
    ChannelFixture ends = make();
    std::vector<SharedBytes> messages{text_message("a"), text_message(std::string(100000, 'b')),
                                      text_message(std::string(4096, 'c')), text_message("d")};
    std::string peer;
    for (const auto& message : messages) say(*ends.worker, "", message);
    for (const auto& message : messages) {
      const Heard heard = hear(*ends.learner);
      CHECK(heard.message == *message);
      peer = heard.peer;
    }
    CHECK_FALSE(peer.empty());
    for (const auto& message : messages) say(*ends.learner, peer, message);
    for (const auto& message : messages) CHECK(hear(*ends.worker).message == *message);
  }
  SUBCASE("two workers have two return addresses and hear only what is for them") {
    ChannelFixture ends = make();
    say(*ends.worker, "", text_message("one"));
    const std::string first = hear(*ends.learner).peer;
    say(*ends.other_worker, "", text_message("two"));
    const std::string second = hear(*ends.learner).peer;
    CHECK(first != second);
    say(*ends.learner, second, text_message("for two"));
    say(*ends.learner, first, text_message("for one"));
    CHECK(hear(*ends.worker).message == *text_message("for one"));
    CHECK(hear(*ends.other_worker).message == *text_message("for two"));
  }
  SUBCASE("nothing to receive is false at once, and an unknown peer is refused") {
    ChannelFixture ends = make();
    CHECK_FALSE(ends.worker->receive([](const Incoming&) {}));
    CHECK(ends.learner->send("nobody", text_message("lost")) == Sent::gone);
  }
  SUBCASE("wake() from another thread ends a wait") {
    ChannelFixture ends = make();
    const auto start = std::chrono::steady_clock::now();
    std::jthread waker([&] { ends.learner->wake(); });
    ends.learner->wait(std::chrono::milliseconds(60000));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
  }
  SUBCASE("a peer that left is refused or ignored, and the others are still served") {
    ChannelFixture ends = make();
    say(*ends.worker, "", text_message("one"));
    const std::string gone = hear(*ends.learner).peer;
    say(*ends.other_worker, "", text_message("two"));
    const std::string here = hear(*ends.learner).peer;
    ends.worker.reset();
    ends.learner->send(gone, text_message("too late"));
    say(*ends.learner, here, text_message("still here"));
    CHECK(hear(*ends.other_worker).message == *text_message("still here"));
  }
}

}  // namespace rl::transport
