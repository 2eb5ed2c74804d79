#include "rl/core/rng.h"

#include <cmath>
#include <numbers>

namespace rl {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

}  // namespace

RngStream::RngStream(std::uint64_t run_seed, RngRole role, std::uint64_t index,
                     std::uint64_t position)
    : key_{static_cast<std::uint32_t>(run_seed), static_cast<std::uint32_t>(run_seed >> 32)},
      role_(static_cast<std::uint16_t>(role)),
      index_(index),
      position_(position) {
  seek(position);
}

// Counter: 48 bits of block number, 16 of role, 64 of index.
void RngStream::refill() {
  const std::uint64_t block = position_ / 4;
  const auto block_high = static_cast<std::uint32_t>(block >> 32) & 0xFFFFU;
  block_ = philox({static_cast<std::uint32_t>(block), block_high | (std::uint32_t{role_} << 16),
                   static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32)},
                  key_);
}

void RngStream::seek(std::uint64_t position) {
  position_ = position;
  if (position_ % 4 != 0) refill();
}

std::uint32_t RngStream::next_u32() {
  if (position_ % 4 == 0) refill();
  return block_[position_++ % 4];
}

std::uint64_t RngStream::next_u64() {
  const std::uint64_t low = next_u32();
  return low | (std::uint64_t{next_u32()} << 32);
}

double RngStream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

float RngStream::uniform_f32() { return static_cast<float>(next_u32() >> 8) * 0x1.0p-24F; }

double RngStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

double RngStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

// Lemire 2019, "Fast random integer generation in an interval", with rejection.
std::uint64_t RngStream::below(std::uint64_t n) {
  __extension__ using u128 = unsigned __int128;
  u128 product = u128{next_u64()} * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < threshold) product = u128{next_u64()} * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t episode_seed(std::uint64_t run_seed, RngRole role, std::uint64_t index,
                           std::uint64_t episode) {
  return RngStream(run_seed, role, index, 2 * episode).next_u64();
}

}  // namespace rl
