// A simulator that lets a learner elsewhere choose its actions, in the least code.
//
//   simulator ADDRESS [EPISODES]       the learner: corral learner --env CartPole-v1 --mode async …
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <rl/envs/registry.h>
#include <rl/rollout/session.h>

namespace {

void play(rl::Environment& body, rl::rollout::Session& session, std::uint64_t episode) {
  using End = rl::rollout::Session::End;
  std::array<float, 4> state{};
  std::int64_t push = 0;
  std::byte* state_row = reinterpret_cast<std::byte*>(state.data());
  std::byte* push_row = reinterpret_cast<std::byte*>(&push);
  const rl::Fields observation({&state_row, 1}), action({&push_row, 1});
  const rl::ConstFields seen({&state_row, 1}), chosen({&push_row, 1});

  body.reset(episode, observation);
  session.begin_episode();
  for (rl::StepResult step; !step.ended();) {
    session.act(seen, action);
    step = body.step(chosen, observation);
    session.record(step.reward);
    if (step.ended()) session.end_episode(step.terminated ? End::terminated : End::truncated, seen);
  }
}

void run(const std::string& address, std::uint64_t num_episodes) {
  const auto body = rl::make_environment("CartPole-v1");  // stands for your simulator
  rl::rollout::SessionOptions options;
  options.transport.connect = address;
  rl::rollout::Session session(options, body->spec());
  for (std::uint64_t episode = 0; episode < num_episodes; ++episode) {
    if (session.counters().stop_requested) break;
    play(*body, session, episode);
  }
  const bool delivered = session.close(std::chrono::seconds(5));
  std::printf("%llu episodes, %s\n", static_cast<unsigned long long>(session.counters().episodes),
              delivered ? "all delivered" : "not all delivered");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "ipc://@/corral", argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
