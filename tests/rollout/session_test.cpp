#include "rl/rollout/session.h"

#include <doctest/doctest.h>

#include <array>

#include "rl/core/error.h"
#include "rollout/learner_stand_in.h"

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;
using tests::LearnerStandIn;

// A simulator whose observation is its step count, driven through a session.
class Simulator {
 public:
  explicit Simulator(const std::string& address) : session_(options(address), spec()) {}

  static EnvironmentSpec spec() { return make_environment("CartPole-v1")->spec(); }
  static SessionOptions options(const std::string& address) {
    SessionOptions options;
    options.transport.connect = address;
    return options;
  }

  void episode(int steps, Session::End end) {
    session_.begin_episode();
    for (int i = 0; i < steps; ++i) {
      observation_[0] = 0.001F * static_cast<float>(i);
      session_.act(ConstFields(observation_rows_), Fields(action_rows_));
      CHECK((action_ == 0 || action_ == 1));
      session_.record(1.0F);
    }
    observation_[0] = 0.001F * static_cast<float>(steps);
    session_.end_episode(end, ConstFields(observation_rows_));
  }
  Session& session() { return session_; }
  ConstFields observation() const { return ConstFields(observation_rows_); }
  Fields action() const { return Fields(action_rows_); }

 private:
  Session session_;
  std::array<float, 4> observation_{};
  std::int64_t action_ = -1;
  std::array<const std::byte*, 1> observation_rows_{
      reinterpret_cast<const std::byte*>(observation_.data())};
  std::array<std::byte*, 1> action_rows_{reinterpret_cast<std::byte*>(&action_)};
};

TEST_SUITE("session") {
  TEST_CASE("what the simulator recorded arrives step by step, cut at episode ends") {
    LearnerStandIn learner("inproc://session-1", tests::run_config(Mode::async, 1, 1));
    learner.publish(1);
    Simulator simulator("inproc://session-1");
    simulator.episode(21, Session::End::terminated);
    simulator.episode(5, Session::End::truncated);
    CHECK(simulator.session().close(milliseconds(5000)));
    const auto fragments = learner.take(26);
    REQUIRE(fragments.size() == 3);
    CHECK(fragments[0]->num_steps() == 16);
    CHECK(fragments[0]->header().end == FragmentEnd::running);
    CHECK(fragments[1]->num_steps() == 5);
    CHECK(fragments[1]->header().end == FragmentEnd::terminated);
    CHECK(fragments[1]->header().episode_return == doctest::Approx(21.0));
    CHECK(fragments[2]->header().end == FragmentEnd::truncated);
    CHECK(fragments[2]->header().episode == 1);
    for (const auto& fragment : fragments) {
      const auto observations = fragment->column<float>(0);
      for (std::size_t row = 0; row <= fragment->num_steps(); ++row) {
        const auto step = static_cast<float>(fragment->header().first_step + row);
        CHECK(observations[4 * row] == doctest::Approx(0.001F * step));
      }
      for (const float log_prob :
           fragment->column<float>(fragment->schema().require(kLogProbColumn))) {
        CHECK(log_prob < 0.0F);
      }
    }
    const SessionCounters counters = simulator.session().counters();
    CHECK(counters.steps == 26);
    CHECK(counters.episodes == 2);
    CHECK(counters.fragments_sent == 3);
    CHECK(counters.fragments_dropped == 0);
  }

  TEST_CASE("calls out of order name the call that was expected") {
    LearnerStandIn learner("inproc://session-2", tests::run_config(Mode::async, 1, 1));
    learner.publish(1);
    Simulator simulator("inproc://session-2");
    Session& session = simulator.session();
    CHECK_THROWS_WITH_AS(session.record(1.0F), doctest::Contains("begin_episode()"), Error);
    session.begin_episode();
    CHECK_THROWS_WITH_AS(session.begin_episode(), doctest::Contains("act()"), Error);
    CHECK_THROWS_WITH_AS(session.end_episode(Session::End::terminated, simulator.observation()),
                         doctest::Contains("at least one step"), Error);
    session.act(simulator.observation(), simulator.action());
    CHECK_THROWS_WITH_AS(session.act(simulator.observation(), simulator.action()),
                         doctest::Contains("record()"), Error);
    CHECK_THROWS_WITH_AS(session.begin_episode(1), doctest::Contains("no such environment"),
                         Error);
    CHECK_NOTHROW(session.record(1.0F));
  }

  TEST_CASE("another spec is refused with both sides shown") {
    LearnerStandIn learner("inproc://session-3", tests::run_config(Mode::async, 1, 1));
    learner.publish(1);
    CHECK_THROWS_WITH_AS(Session(Simulator::options("inproc://session-3"),
                                 make_environment("Pendulum-v1")->spec()),
                         doctest::Contains("Pendulum-v1"), Error);
  }

  TEST_CASE("a learner in lockstep is refused with the option to change") {
    LearnerStandIn learner("inproc://session-4", tests::run_config(Mode::lockstep, 1, 1));
    learner.publish(1);
    CHECK_THROWS_WITH_AS(Simulator("inproc://session-4"), doctest::Contains("--mode async"),
                         Error);
  }

  TEST_CASE("nobody at the address, or no weights, ends in a clear error") {
    SessionOptions options = Simulator::options("inproc://session-nobody");
    options.connect_deadline = milliseconds(50);
    CHECK_THROWS_WITH_AS(Session(options, Simulator::spec()),
                         doctest::Contains("inproc://session-nobody"), Error);
    LearnerStandIn learner("inproc://session-5", tests::run_config(Mode::async, 1, 1));
    options.transport.connect = "inproc://session-5";
    CHECK_THROWS_WITH_AS(Session(options, Simulator::spec()), doctest::Contains("no weights"),
                         Error);
  }

  TEST_CASE("new weights are taken between steps") {
    LearnerStandIn learner("inproc://session-6", tests::run_config(Mode::async, 1, 1));
    learner.publish(1);
    Simulator simulator("inproc://session-6");
    simulator.episode(3, Session::End::terminated);
    learner.publish(2);
    for (int i = 0; i < 10000 && simulator.session().counters().policy_version < 2; ++i) {
      simulator.episode(3, Session::End::terminated);
      learner.take(3);
    }
    CHECK(simulator.session().counters().policy_version == 2);
  }

  TEST_CASE("a learner that went away neither stops nor stalls the simulator") {
    auto learner = std::make_unique<LearnerStandIn>("ipc://@corral-session-test-7",
                                                    tests::run_config(Mode::async, 1, 1));
    learner->publish(1);
    SessionOptions options = Simulator::options("ipc://@corral-session-test-7");
    options.transport.learner_timeout = milliseconds(50);
    options.transport.heartbeat_every = milliseconds(10);
    Session session(options, Simulator::spec());
    learner.reset();
    std::array<float, 4> observation{};
    std::int64_t action = 0;
    const std::array<const std::byte*, 1> in{
        reinterpret_cast<const std::byte*>(observation.data())};
    const std::array<std::byte*, 1> out{reinterpret_cast<std::byte*>(&action)};
    for (int episode = 0; episode < 100000 && session.counters().learner_present; ++episode) {
      session.begin_episode();
      session.act(ConstFields(in), Fields(out));
      session.record(0.0F);
      session.end_episode(Session::End::terminated, ConstFields(in));
    }
    CHECK_FALSE(session.counters().learner_present);
    CHECK_FALSE(session.close(milliseconds(10)));
  }
}

}  // namespace
}  // namespace rl::rollout
