// A simulator that owns its loop and lets Corral choose the actions. Links rollout: no LibTorch.
//
//   corral learner --algo ppo --env CartPole-v1 --mode async --bind tcp://127.0.0.1:5555 --out runs/embed
//   02_embed_in_a_simulator tcp://127.0.0.1:5555
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>

#include "rl/envs/registry.h"
#include "rl/rollout/session.h"

namespace {

// Stands for your simulator: a pole on a cart, stepped by its own main loop.
struct Simulator {
  std::array<float, 4> state{};  // position, velocity, angle, angular velocity

  void restart(int episode) {
    for (int i = 0; i < 4; ++i) {
      state[static_cast<std::size_t>(i)] =
          0.05F * std::sin(static_cast<float>(1 + episode * 7 + i * 3));
    }
  }
  void advance(bool push_right) {
    const float force = push_right ? 10.0F : -10.0F;
    const float sine = std::sin(state[2]), cosine = std::cos(state[2]);
    const float pressure = (force + 0.05F * state[3] * state[3] * sine) / 1.1F;
    const float angular = (9.8F * sine - cosine * pressure) /
                          (0.5F * (4.0F / 3.0F - 0.1F * cosine * cosine / 1.1F));
    const float linear = pressure - 0.05F * angular * cosine / 1.1F;
    state[0] += 0.02F * state[1];
    state[1] += 0.02F * linear;
    state[2] += 0.02F * state[3];
    state[3] += 0.02F * angular;
  }
  bool fallen() const { return std::abs(state[0]) > 2.4F || std::abs(state[2]) > 0.2095F; }
};

void run(const char* learner) {
  rl::rollout::SessionOptions options;
  options.transport.connect = learner;
  rl::rollout::Session session(options, rl::make_environment("CartPole-v1")->spec());

  Simulator simulator;
  std::int64_t action = 0;
  const std::array<const std::byte*, 1> observation{
      reinterpret_cast<const std::byte*>(simulator.state.data())};
  const std::array<std::byte*, 1> action_row{reinterpret_cast<std::byte*>(&action)};

  for (int episode = 0; !session.counters().stop_requested; ++episode) {
    simulator.restart(episode);
    session.begin_episode();
    int steps = 0;
    while (!simulator.fallen() && steps < 500) {
      session.act(rl::ConstFields(observation), rl::Fields(action_row));
      simulator.advance(action == 1);
      session.record(1.0F);
      ++steps;
    }
    session.end_episode(simulator.fallen() ? rl::rollout::Session::End::terminated
                                           : rl::rollout::Session::End::truncated,
                        rl::ConstFields(observation));
    if (episode % 100 == 0) std::printf("episode %d: %d steps\n", episode, steps);
  }
  session.close(std::chrono::seconds(5));
  const auto counters = session.counters();
  std::printf("%llu steps, %llu fragments sent, %llu dropped\n",
              static_cast<unsigned long long>(counters.steps),
              static_cast<unsigned long long>(counters.fragments_sent),
              static_cast<unsigned long long>(counters.fragments_dropped));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "tcp://127.0.0.1:5555");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
