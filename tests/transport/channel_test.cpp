#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "support/channel_conformance.h"
#include "support/memory_channel.h"

using namespace rl;
using namespace rl::transport;

namespace {

ChannelFixture make_zmq(const std::string& address) {
  static int number = 0;  // a fresh name each time: the last one may still be closing
  LearnerOptions learner;
  learner.bind = address == "tcp://127.0.0.1:*" ? address : address + std::to_string(++number);
  ChannelFixture ends;
  ends.learner = bind_channel(learner, {});
  WorkerOptions worker;
  worker.connect = ends.learner->address();
  ends.worker = connect_channel(worker);
  ends.other_worker = connect_channel(worker);
  return ends;
}

std::string unique(const std::string& start) {
  return start + std::to_string(getpid()) + "-";
}

}  // namespace

TEST_SUITE_BEGIN("transport channel");

TEST_CASE("the memory channel is a channel") {
  check_channel([] {
    const auto network = std::make_shared<MemoryNetwork>();
    auto learner = network->bind();
    auto worker = network->connect();
    return ChannelFixture{std::move(learner), std::move(worker), network->connect()};
  });
}

TEST_CASE("ZeroMQ over inproc is a channel") {
  check_channel([] { return make_zmq(unique("inproc://channel-")); });
}

TEST_CASE("ZeroMQ over ipc is a channel") {
  check_channel([] { return make_zmq(unique("ipc://@/corral-channel-")); });
}

TEST_CASE("ZeroMQ over tcp is a channel") {
  check_channel([] { return make_zmq("tcp://127.0.0.1:*"); });
}

TEST_CASE("signals neither break a channel nor lose a message") {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: every wait is interrupted
  struct sigaction before {};
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  {
    ChannelFixture ends = make_zmq("tcp://127.0.0.1:*");
    std::atomic<bool> done{false};
    std::jthread interrupter([&, target = pthread_self()] {
      for (int i = 0; i < 2000 && !done; ++i) {
        pthread_kill(target, SIGUSR1);
        std::this_thread::yield();
      }
    });
    for (int i = 0; i < 200; ++i) {
      const SharedBytes message = text_message(std::to_string(i));
      say(*ends.worker, "", message);
      const Heard heard = hear(*ends.learner);
      CHECK(heard.message == *message);
      say(*ends.learner, heard.peer, message);
      CHECK(hear(*ends.worker).message == *message);
    }
    done = true;
  }
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_SUITE_END();
