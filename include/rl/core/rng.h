// Counter-based random streams: a seed never comes from the clock.
#pragma once

#include <array>
#include <cstdint>

namespace rl {

// Who draws. The numbers enter the stream's counter: never reuse one.
enum class RngRole : std::uint16_t {
  environment = 1,         // episode seeds; index = environment
  action = 2,              // action sampling while training; index = environment
  initialisation = 3,      // initial weights; index = tensor
  minibatch = 4,           // shuffles of the learner
  replay = 5,              // replay sampling
  evaluation = 6,          // episode seeds of evaluation; index = episode
  evaluation_action = 7,   // action sampling of evaluation; index = episode
  test = 8,
  generation = 9,          // token sampling; index = stream of the request + sample
  text_task = 10,          // procedural problems; index 0: held out, 1: training
  text_prompt = 11,        // problems that a policy is trained on; index = number of the problem
};

// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), keyed by the
// run seed, with role and index in the counter, so any two streams differ and any draw can be
// recomputed from four numbers. `position` counts 32-bit draws.
// Threads: a value type; one thread at a time per object.
class RngStream {
 public:
  RngStream() : RngStream(0, RngRole::test, 0) {}
  RngStream(std::uint64_t run_seed, RngRole role, std::uint64_t index, std::uint64_t position = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();               // two draws
  double uniform();                       // [0, 1), 53 bits, two draws
  float uniform_f32();                    // [0, 1), 24 bits, one draw
  double uniform(double low, double high);
  double normal();                        // mean 0, variance 1 (Box-Muller), four draws
  std::uint64_t below(std::uint64_t n);   // 0 .. n-1, exactly uniform; n > 0

  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position);

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::uint16_t role_;
  std::uint64_t index_;
  std::uint64_t position_;
  std::array<std::uint32_t, 4> block_{};  // valid when position_ is not a multiple of 4
};

// The seed of the `episode`-th reset of environment `index`.
std::uint64_t episode_seed(std::uint64_t run_seed, RngRole role, std::uint64_t index,
                           std::uint64_t episode);

}  // namespace rl
