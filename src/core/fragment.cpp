#include "rl/core/fragment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include "rl/core/checksum.h"
#include "rl/core/error.h"
#include "src/core/block_cache.h"

namespace rl {
namespace {

constexpr std::size_t kAlignment = BlockCache::kAlignment;
constexpr std::size_t kMaxSteps = std::size_t{1} << 24;

std::size_t align(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::string describe(const std::vector<ColumnSpec>& columns) {
  std::string text;
  for (const auto& column : columns) {
    text += rl::describe(column.tensor) + (column.has_final_row ? " +1\n" : "\n");
  }
  return text;
}

[[noreturn]] void malformed(const std::string& what, const std::string& expected,
                            const std::string& got) {
  throw Error({.where = "fragment block",
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "the sender uses another spec or the bytes are damaged"});
}

void check_header(const FragmentHeader& header, const FragmentSchema& schema) {
  if (header.schema_digest != schema.digest()) {
    malformed("schema digest differs", std::to_string(schema.digest()),
              std::to_string(header.schema_digest));
  }
  if (header.num_steps == 0 || header.num_steps > kMaxSteps) {
    malformed("num_steps is out of range", "1 to " + std::to_string(kMaxSteps),
              std::to_string(header.num_steps));
  }
  if (static_cast<int>(header.end) > static_cast<int>(FragmentEnd::truncated)) {
    malformed("end is unknown", "0, 1 or 2", std::to_string(static_cast<int>(header.end)));
  }
  if (header.ends_round > 1)
    malformed("ends_round is not a flag", "0 or 1", std::to_string(header.ends_round));
  for (const std::uint8_t byte : header.reserved) {
    if (byte != 0) malformed("reserved bytes are set", "0", std::to_string(byte));
  }
}

bool is_observation(const ColumnSpec& column) {
  return column.tensor.name.starts_with(kObservationPrefix);
}

struct Range {
  double low;
  double high;
};

// A density may be above 1, a probability may not.
bool has_densities(const EnvironmentSpec& spec) {
  return std::ranges::any_of(spec.actions, [](const auto& one) { return !one.is_discrete(); });
}

Range allowed(const ColumnSpec& column, std::size_t element, const EnvironmentSpec& spec) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string& name = column.tensor.name;
  if (name == kRewardColumn) return {spec.reward_low, spec.reward_high};
  if (name == kLogProbColumn) return {-1e4, has_densities(spec) ? 1e4 : 1e-6};
  if (name == kPolicyVersionColumn) return {0.0, kInfinity};
  // Continuous actions are stored as sampled, before the environment clips them to its bounds.
  if (name.starts_with(kActionPrefix) && !column.tensor.is_discrete()) return {-1e6, 1e6};
  return {column.tensor.low_at(element), column.tensor.high_at(element)};
}

// The values of T inside [low, high], as their first and last; an empty range when there are none.
template <class T>
std::pair<T, T> accepted(Range range, double slack) {
  using Limits = std::numeric_limits<T>;
  // An unbounded side ends at the largest finite number, so that infinity is outside.
  constexpr auto kLowest = static_cast<double>(Limits::lowest());
  constexpr auto kHighest = static_cast<double>(Limits::max());
  const double low = range.low > kLowest ? range.low - slack * std::abs(range.low) : kLowest;
  const double high = range.high < kHighest ? range.high + slack * std::abs(range.high) : kHighest;
  if (low > kHighest || high < kLowest) return {Limits::max(), Limits::lowest()};
  T first = low <= kLowest ? Limits::lowest() : static_cast<T>(low);
  T last = high >= kHighest ? Limits::max() : static_cast<T>(high);
  if constexpr (std::is_integral_v<T>) {
    if (static_cast<double>(first) < low) ++first;
    if (static_cast<double>(last) > high) --last;
  } else {
    if (static_cast<double>(first) < low) first = std::nextafter(first, Limits::max());
    if (static_cast<double>(last) > high) last = std::nextafter(last, Limits::lowest());
  }
  return {first, last};
}

// Whether a stretch of `width` values, again and again `stride` apart, lies within ends that are
// given per value. Without a branch per value: nearly every fragment is fine as a whole. NaN never
// is.
template <class T, std::size_t N>
[[gnu::always_inline]] inline bool are_within_anywhere(std::span<const T> values,
                                                       std::size_t width, std::size_t stride,
                                                       const std::array<T, N>& first,
                                                       const std::array<T, N>& last) {
  int good = 1;
  for (std::size_t at = 0; at < values.size(); at += stride) {
    const T* const value = values.data() + at;
    const std::size_t count = std::min(width, values.size() - at);
    for (std::size_t i = 0; i < count; ++i) good &= (value[i] >= first[i]) & (value[i] <= last[i]);
  }
  return good != 0;
}

#if defined(__x86_64__)
// The baseline instruction set has no comparison of 64-bit integers.
template <class T, std::size_t N>
[[gnu::target("avx2")]] bool are_within_avx2(std::span<const T> values, std::size_t width,
                                             std::size_t stride, const std::array<T, N>& first,
                                             const std::array<T, N>& last) {
  return are_within_anywhere(values, width, stride, first, last);
}
#endif

template <class T, std::size_t N>
bool are_within(std::span<const T> values, std::size_t width, std::size_t stride,
                const std::array<T, N>& first, const std::array<T, N>& last) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return are_within_avx2(values, width, stride, first, last);
#endif
  return are_within_anywhere(values, width, stride, first, last);
}

// Rows are cut into slabs of up to 64 elements; several short rows make one slab, so that the
// innermost loop is always worth vectorising.
template <class T>
bool is_column_within(std::span<const T> values, const ColumnSpec& column,
                      const EnvironmentSpec& spec, double slack) {
  constexpr std::size_t kSlab = 64;
  const bool shared = column.tensor.low.size() <= 1 && column.tensor.high.size() <= 1;
  const std::size_t elements = shared ? 1 : column.tensor.num_elements();
  std::array<T, kSlab> first;
  std::array<T, kSlab> last;
  for (std::size_t begin = 0; begin < elements; begin += kSlab) {
    const std::size_t width = std::min(kSlab, elements - begin);
    const std::size_t rows = elements <= kSlab ? kSlab / elements : 1;
    for (std::size_t i = 0; i < width; ++i) {
      std::tie(first[i], last[i]) = accepted<T>(allowed(column, begin + i, spec), slack);
    }
    // Twice as many each time: a copy one by one would wait for its own last store.
    for (std::size_t made = width; made < rows * width; made *= 2) {
      const std::size_t count = std::min(made, rows * width - made);
      std::copy_n(first.begin(), count, first.begin() + made);
      std::copy_n(last.begin(), count, last.begin() + made);
    }
    if (!are_within(values.subspan(std::min(begin, values.size())), rows * width, rows * elements,
                    first, last)) {
      return false;
    }
  }
  return true;
}

template <class T>
std::string find_value_defect(const Fragment& fragment, std::size_t index,
                              const EnvironmentSpec& spec) {
  const ColumnSpec& column = fragment.schema().columns()[index];
  const auto values = fragment.column<T>(index);
  const double slack = is_observation(column) || column.tensor.name == kRewardColumn ? 1e-3 : 0.0;
  if (is_column_within<T>(values, column, spec, slack)) return {};
  const std::size_t elements = column.tensor.num_elements();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Range range = allowed(column, i % elements, spec);
    const auto [first, last] = accepted<T>(range, slack);
    if (values[i] >= first && values[i] <= last) continue;
    return column.tensor.name + "[" + std::to_string(i / elements) + "] is " +
           std::to_string(values[i]) + ", allowed " + std::to_string(range.low) + " to " +
           std::to_string(range.high);
  }
  return {};
}

}  // namespace

FragmentSchema::FragmentSchema(std::vector<ColumnSpec> columns)
    : columns_(std::move(columns)), digest_(fnv1a(describe(columns_))) {}

int FragmentSchema::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].tensor.name == name) return static_cast<int>(i);
  }
  return -1;
}

std::size_t FragmentSchema::require(std::string_view name) const {
  const int index = find(name);
  if (index >= 0) return static_cast<std::size_t>(index);
  std::string names;
  for (const auto& column : columns_) names += (names.empty() ? "" : ", ") + column.tensor.name;
  throw Error({.where = "fragment schema",
               .what = "no such column",
               .expected = names,
               .got = std::string(name)});
}

std::size_t FragmentSchema::num_rows(std::size_t column, std::size_t num_steps) const {
  return num_steps + (columns_[column].has_final_row ? 1 : 0);
}

std::size_t FragmentSchema::column_offset(std::size_t column, std::size_t num_steps) const {
  std::size_t offset = sizeof(FragmentHeader);
  for (std::size_t i = 0; i < column; ++i) {
    offset += align(num_rows(i, num_steps) * columns_[i].tensor.row_bytes());
  }
  return offset;
}

std::size_t FragmentSchema::block_bytes(std::size_t num_steps) const {
  return column_offset(columns_.size(), num_steps);
}

FragmentSchema make_schema(const EnvironmentSpec& spec) {
  std::vector<ColumnSpec> columns;
  for (TensorSpec tensor : spec.observations) {
    tensor.name = std::string(kObservationPrefix) + tensor.name;
    columns.push_back({std::move(tensor), true});
  }
  for (TensorSpec tensor : spec.actions) {
    tensor.name = std::string(kActionPrefix) + tensor.name;
    columns.push_back({std::move(tensor), false});
  }
  columns.push_back({{.name = std::string(kRewardColumn)}, false});
  columns.push_back({{.name = std::string(kLogProbColumn)}, false});
  columns.push_back({{.name = std::string(kPolicyVersionColumn), .dtype = DType::i64}, false});
  return FragmentSchema(std::move(columns));
}

void Fragment::GiveBack::operator()(std::byte* block) const {
  BlockCache::instance().give_back(block, bytes);
}

Fragment::Fragment(std::shared_ptr<const FragmentSchema> schema, std::size_t num_steps,
                   std::size_t continuation_bytes)
    : schema_(std::move(schema)),
      block_bytes_(schema_->block_bytes(num_steps) + align(continuation_bytes)),
      block_(BlockCache::instance().take(block_bytes_), GiveBack{block_bytes_}) {
  std::memset(block_.get(), 0, block_bytes_);
  auto* header = new (block_.get()) FragmentHeader;
  header->schema_digest = schema_->digest();
  header->num_steps = static_cast<std::uint32_t>(num_steps);
  header->continuation_bytes = static_cast<std::uint32_t>(continuation_bytes);
}

FragmentHeader Fragment::read_header(const FragmentSchema& schema,
                                     std::span<const std::byte> block) {
  FragmentHeader header;
  if (block.size() < sizeof header) {
    malformed("block is cut short", "at least 128 bytes", std::to_string(block.size()));
  }
  std::memcpy(&header, block.data(), sizeof header);
  check_header(header, schema);
  return header;
}

Fragment Fragment::from_block(std::shared_ptr<const FragmentSchema> schema,
                              std::span<const std::byte> block) {
  const FragmentHeader header = read_header(*schema, block);
  const std::size_t expected =
      schema->block_bytes(header.num_steps) + align(header.continuation_bytes);
  if (block.size() != expected) {
    malformed("block has the wrong size for " + std::to_string(header.num_steps) + " steps",
              std::to_string(expected) + " bytes", std::to_string(block.size()));
  }
  return Fragment(std::move(schema), block);
}

Fragment::Fragment(std::shared_ptr<const FragmentSchema> schema, std::span<const std::byte> block)
    : schema_(std::move(schema)),
      block_bytes_(block.size()),
      block_(BlockCache::instance().take(block_bytes_), GiveBack{block_bytes_}) {
  std::memcpy(block_.get(), block.data(), block.size());
}

std::byte* Fragment::row(std::size_t column, std::size_t step) {
  return block_.get() + schema_->column_offset(column, num_steps()) +
         step * schema_->columns()[column].tensor.row_bytes();
}

const std::byte* Fragment::row(std::size_t column, std::size_t step) const {
  return const_cast<Fragment*>(this)->row(column, step);
}

std::span<std::byte> Fragment::continuation() {
  return {block_.get() + schema_->block_bytes(num_steps()), header().continuation_bytes};
}

std::span<const std::byte> Fragment::continuation() const {
  return const_cast<Fragment*>(this)->continuation();
}

Fragment Fragment::prefix(std::size_t num_steps, std::size_t continuation_bytes) const {
  Fragment result(schema_, num_steps, continuation_bytes);
  FragmentHeader header = this->header();
  header.num_steps = static_cast<std::uint32_t>(num_steps);
  header.continuation_bytes = static_cast<std::uint32_t>(continuation_bytes);
  result.header() = header;
  for (std::size_t c = 0; c < schema_->columns().size(); ++c) {
    const std::size_t bytes =
        schema_->num_rows(c, num_steps) * schema_->columns()[c].tensor.row_bytes();
    std::memcpy(result.row(c, 0), row(c, 0), bytes);
  }
  return result;
}

std::string find_defect(const Fragment& fragment, const EnvironmentSpec& spec) {
  for (std::size_t c = 0; c < fragment.schema().columns().size(); ++c) {
    std::string defect;
    switch (fragment.schema().columns()[c].tensor.dtype) {
      case DType::u8:
        defect = find_value_defect<std::uint8_t>(fragment, c, spec);
        break;
      case DType::i32:
        defect = find_value_defect<std::int32_t>(fragment, c, spec);
        break;
      case DType::i64:
        defect = find_value_defect<std::int64_t>(fragment, c, spec);
        break;
      case DType::f32:
        defect = find_value_defect<float>(fragment, c, spec);
        break;
      case DType::f64:
        defect = find_value_defect<double>(fragment, c, spec);
        break;
      case DType::f16:
      case DType::bf16:
        break;  // learners widen these before use and check them there
    }
    if (!defect.empty()) return defect;
  }
  return {};
}

}  // namespace rl
