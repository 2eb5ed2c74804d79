#include "src/replay/table_state.h"

#include <charconv>
#include <cstring>

#include "rl/core/checksum.h"
#include "rl/core/error.h"

namespace rl::replay {
namespace {

constexpr std::string_view kMagic = "RLREPLAY";
constexpr std::uint32_t kVersion = 1;

// Shortest text that reads back as the same number.
std::string exact(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string describe(const TableOptions& options) {
  const auto number = [](auto value) { return std::to_string(value); };
  const RateLimiterOptions& limiter = options.limiter;
  return "unit " + number(static_cast<int>(options.unit)) +  //
         ", sampler " + number(static_cast<int>(options.sampler)) +
         ", remover " + number(static_cast<int>(options.remover)) +
         ", capacity_steps " + number(options.capacity_steps) +
         ", max_times_sampled " + number(options.max_times_sampled) +
         ", priority_exponent " + exact(options.priority_exponent) +
         ", limiter.min_size " + number(limiter.min_size) +
         ", limiter.samples_per_insert " + exact(limiter.samples_per_insert) +
         ", limiter.min_difference " + exact(limiter.min_difference) +
         ", limiter.max_difference " + exact(limiter.max_difference) +
         ", seed " + number(options.seed);
}

}  // namespace

void write_state_header(ByteWriter& writer, const TableOptions& options) {
  writer.put_raw(std::as_bytes(std::span(kMagic)));
  writer.put(kVersion);
  writer.put_string(describe(options));
}

void read_state_header(ByteReader& reader, const TableOptions& options, const std::string& where) {
  const auto magic = reader.get_raw(kMagic.size());
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    throw Error({.where = where, .what = "this is not the state of a replay table"});
  }
  const auto version = reader.get<std::uint32_t>();
  if (version != kVersion) {
    throw Error({.where = where,
                 .what = "the state has another version",
                 .expected = std::to_string(kVersion),
                 .got = std::to_string(version),
                 .remedy = "resume with the program that wrote it"});
  }
  const std::string saved = reader.get_string();
  if (saved != describe(options)) {
    throw Error({.where = where,
                 .what = "the table has other options than the state",
                 .expected = describe(options),
                 .got = saved,
                 .remedy = "resume with the options of the saved run"});
  }
}

std::span<const std::byte> checked_body(std::span<const std::byte> state,
                                        const std::string& where) {
  std::uint32_t stored = 0;
  if (state.size() >= sizeof stored) {
    const auto body = state.first(state.size() - sizeof stored);
    std::memcpy(&stored, state.data() + body.size(), sizeof stored);
    if (crc32c(body) == stored) return body;
  }
  throw Error({.where = where,
               .what = "the bytes are damaged or cut short",
               .remedy = "go back to the checkpoint before this one"});
}

}  // namespace rl::replay
