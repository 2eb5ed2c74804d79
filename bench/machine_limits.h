// What the machine can do at most: the rooflines that benches compare with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rl::bench {

using Seconds = std::chrono::duration<double>;

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

// Runs work(thread) on so many threads at once; seconds until all are done.
template <class Work>
double timed_on(std::size_t threads, const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&work, i] { work(i); });
  work(0);
  for (std::thread& other : others) other.join();
  return seconds_since(start);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline std::uint64_t read_all(const std::uint64_t* words,
                                                              std::size_t count) {
  __m256i sums[8] = {};
  for (std::size_t i = 0; i + 32 <= count; i += 32) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const auto* at = reinterpret_cast<const __m256i*>(words + i + 4 * lane);
      sums[lane] = _mm256_xor_si256(sums[lane], _mm256_loadu_si256(at));
    }
  }
  for (std::size_t lane = 1; lane < 8; ++lane) sums[0] = _mm256_xor_si256(sums[0], sums[lane]);
  return static_cast<std::uint64_t>(_mm256_extract_epi64(sums[0], 0));
}

__attribute__((target("avx2,fma"))) inline float multiply_add_avx2(std::size_t rounds) {
  __m256 sums[10] = {};
  const __m256 a = _mm256_set1_ps(1e-6F);
  const __m256 b = _mm256_set1_ps(0.5F);
  for (std::size_t i = 0; i < rounds; ++i) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, b, a);
  }
  for (const __m256& sum : sums) sums[0] = _mm256_add_ps(sums[0], sum);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) inline float multiply_add_avx512(std::size_t rounds) {
  __m512 sums[10] = {};
  const __m512 a = _mm512_set1_ps(1e-6F);
  const __m512 b = _mm512_set1_ps(0.5F);
  for (std::size_t i = 0; i < rounds; ++i) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, b, a);
  }
  for (const __m512& sum : sums) sums[0] = _mm512_add_ps(sums[0], sum);
  return _mm512_cvtss_f32(sums[0]);
}

// Multiplications and additions per second that registers alone allow.
inline double peak_flops(std::size_t threads) {
  constexpr std::size_t kRounds = 4'000'000;
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  const std::size_t per_round = 10 * 2 * (wide ? 16 : 8);
  double fastest = 1e9;
  std::vector<float> results(threads);
  for (int repetition = 0; repetition < 5; ++repetition) {
    fastest = std::min(fastest, timed_on(threads, [&](std::size_t thread) {
      results[thread] = wide ? multiply_add_avx512(kRounds) : multiply_add_avx2(kRounds);
    }));
  }
  return static_cast<double>(threads * kRounds * per_round) / fastest;
}
#else
inline std::uint64_t read_all(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[16] = {};
  for (std::size_t i = 0; i + 16 <= count; i += 16) {
    for (std::size_t lane = 0; lane < 16; ++lane) sums[lane] ^= words[i + lane];
  }
  for (std::size_t lane = 1; lane < 16; ++lane) sums[0] ^= sums[lane];
  return sums[0];
}

inline double peak_flops(std::size_t) { return 0.0; }  // not measured on this machine
#endif

// Bytes per second that so many threads read from memory, each from its own part of a buffer that
// no cache holds; the best of some passes.
class ReadBandwidth {
 public:
  explicit ReadBandwidth(std::size_t bytes) : words_(bytes / sizeof(std::uint64_t), 1) {}

  double measure(std::size_t threads) {
    const std::size_t part = words_.size() / threads;
    std::vector<std::uint64_t> results(threads);
    double fastest = 1e9;
    for (int repetition = 0; repetition < 5; ++repetition) {
      fastest = std::min(fastest, timed_on(threads, [&](std::size_t thread) {
        results[thread] = read_all(words_.data() + thread * part, part);
      }));
    }
    for (const std::uint64_t result : results) sink_ = result;
    return static_cast<double>(threads * part * sizeof(std::uint64_t)) / fastest;
  }

 private:
  std::vector<std::uint64_t> words_;
  volatile std::uint64_t sink_ = 0;
};

}  // namespace rl::bench
