#include "rl/core/fragment.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include <doctest/doctest.h>

#include "rl/core/bytes.h"
#include "rl/core/error.h"
#include "rl/core/rng.h"

namespace rl {
namespace {

constexpr std::size_t kSteps = 5;

EnvironmentSpec make_spec() {
  return {.name = "Task",
          .observations = {{.name = "state", .shape = {3}, .low = {-1}, .high = {1}},
                           {.name = "picture", .dtype = DType::u8, .shape = {2, 2}}},
          .actions = {{.name = "choice", .dtype = DType::i64, .low = {0}, .high = {3}},
                      {.name = "force", .shape = {2}, .low = {-1}, .high = {1}}},
          .reward_low = -10.0,
          .reward_high = 10.0};
}

std::shared_ptr<const FragmentSchema> make_shared_schema() {
  return std::make_shared<FragmentSchema>(make_schema(make_spec()));
}

Fragment make_fragment(std::size_t steps = kSteps, std::size_t continuation = 10) {
  Fragment fragment(make_shared_schema(), steps, continuation);
  for (std::size_t c = 0; c < fragment.schema().columns().size(); ++c) {
    const TensorSpec& tensor = fragment.schema().columns()[c].tensor;
    if (tensor.dtype == DType::f32) {
      auto values = fragment.column<float>(c);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = 0.01F * static_cast<float>(i + c) - 0.05F;
      }
    } else if (tensor.dtype == DType::i64) {
      auto values = fragment.column<std::int64_t>(c);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i % 4);
    }
  }
  fragment.header().environment = 3;
  fragment.header().sequence = 9;
  fragment.header().end = FragmentEnd::truncated;
  for (std::byte& byte : fragment.continuation()) byte = std::byte{77};
  return fragment;
}

Bytes bytes_of(std::span<const std::byte> block) {
  return {block.begin(), block.end()};
}

// A block whose header has been changed, with everything else as it was.
Bytes spoilt(const std::function<void(FragmentHeader&)>& spoil) {
  Bytes block = bytes_of(make_fragment().block());
  FragmentHeader header;
  std::memcpy(&header, block.data(), sizeof header);
  spoil(header);
  std::memcpy(block.data(), &header, sizeof header);
  return block;
}

template <class T>
std::string defect_with(std::string_view column, std::size_t at, T value) {
  Fragment fragment = make_fragment();
  fragment.column<T>(fragment.schema().require(column))[at] = value;
  return find_defect(fragment, make_spec());
}

}  // namespace

TEST_SUITE("fragments") {
  TEST_CASE("the standard columns are observations, actions, reward, log_prob, policy_version") {
    const FragmentSchema schema = make_schema(make_spec());
    std::vector<std::string> names;
    for (const ColumnSpec& column : schema.columns()) {
      names.push_back(column.tensor.name);
      CHECK(column.has_final_row == column.tensor.name.starts_with(kObservationPrefix));
    }
    CHECK(names == std::vector<std::string>{"observation.state", "observation.picture",
                                            "action.choice", "action.force", "reward", "log_prob",
                                            "policy_version"});
    CHECK(schema.find("reward") == 4);
    CHECK(schema.find("absent") == -1);
    CHECK_THROWS_WITH_AS(schema.require("absent"), doctest::Contains("action.force"), Error);
  }

  TEST_CASE("columns lie one after the other, each on 64 bytes, without overlap") {
    Fragment fragment = make_fragment();
    const FragmentSchema& schema = fragment.schema();
    std::size_t end = sizeof(FragmentHeader);
    for (std::size_t c = 0; c < schema.columns().size(); ++c) {
      const std::size_t offset = schema.column_offset(c, kSteps);
      CHECK(offset % 64 == 0);
      CHECK(offset >= end);
      CHECK(fragment.row(c, 0) == fragment.block().data() + offset);
      CHECK(reinterpret_cast<std::uintptr_t>(fragment.row(c, 0)) % 64 == 0);
      end = offset + schema.num_rows(c, kSteps) * schema.columns()[c].tensor.row_bytes();
    }
    CHECK(schema.block_bytes(kSteps) % 64 == 0);
    CHECK(schema.block_bytes(kSteps) >= end);
    CHECK(fragment.block().size() == schema.block_bytes(kSteps) + 64);
    CHECK(fragment.continuation().data() == fragment.block().data() + schema.block_bytes(kSteps));
    CHECK(schema.num_rows(0, kSteps) == kSteps + 1);
    CHECK(schema.num_rows(4, kSteps) == kSteps);
  }

  TEST_CASE("a new fragment is all zero behind its header") {
    const Fragment fragment(make_shared_schema(), 3, 7);
    for (const std::byte byte : fragment.block().subspan(sizeof(FragmentHeader))) {
      REQUIRE(byte == std::byte{0});
    }
    CHECK(fragment.num_steps() == 3);
    CHECK(fragment.continuation().size() == 7);
  }

  TEST_CASE("a block travels unchanged") {
    const Fragment fragment = make_fragment();
    const Bytes block = bytes_of(fragment.block());
    const Fragment copy = Fragment::from_block(make_shared_schema(), block);
    CHECK(bytes_of(copy.block()) == block);
    CHECK(copy.header().sequence == 9);
    CHECK(copy.continuation().size() == 10);
    CHECK(copy.continuation()[9] == std::byte{77});
  }

  TEST_CASE("a block cut anywhere, or too long, is refused") {
    Bytes block = bytes_of(make_fragment().block());
    for (std::size_t size = 0; size < block.size(); ++size) {
      CHECK_THROWS_AS(Fragment::from_block(make_shared_schema(), std::span(block).first(size)),
                      Error);
    }
    block.push_back(std::byte{0});
    CHECK_THROWS_AS(Fragment::from_block(make_shared_schema(), block), Error);
  }

  TEST_CASE("a hostile header is refused, naming the field") {
    struct Case {
      const char* mentions;
      std::function<void(FragmentHeader&)> spoil;
    };
    constexpr auto kHuge = std::numeric_limits<std::uint32_t>::max();
    const std::vector<Case> cases{
        {"schema digest", [](auto& h) { h.schema_digest ^= 1; }},
        {"num_steps", [](auto& h) { h.num_steps = 0; }},
        {"num_steps", [](auto& h) { h.num_steps = kHuge; }},
        {"wrong size", [](auto& h) { h.num_steps = kSteps + 100; }},
        {"wrong size", [](auto& h) { h.continuation_bytes = kHuge; }},
        {"wrong size", [](auto& h) { h.continuation_bytes = 65; }},
        {"end is unknown", [](auto& h) { h.end = static_cast<FragmentEnd>(3); }},
        {"ends_round", [](auto& h) { h.ends_round = 2; }},
        {"reserved", [](auto& h) { h.reserved[57] = 1; }},
    };
    for (const Case& hostile : cases) {
      const Bytes block = spoilt(hostile.spoil);
      CHECK_THROWS_WITH_AS(Fragment::from_block(make_shared_schema(), block),
                           doctest::Contains(hostile.mentions), Error);
    }
    CHECK_NOTHROW(Fragment::from_block(make_shared_schema(), spoilt([](auto&) {})));
  }

  TEST_CASE("random changes to a header are accepted as a whole or refused") {
    RngStream stream(3, RngRole::test, 0);
    const Bytes good = bytes_of(make_fragment().block());
    for (int round = 0; round < 3000; ++round) {
      Bytes block = good;
      for (int change = 0; change < 3; ++change) {
        block[stream.below(sizeof(FragmentHeader))] = static_cast<std::byte>(stream.below(256));
      }
      try {
        const Fragment fragment = Fragment::from_block(make_shared_schema(), block);
        CHECK(bytes_of(fragment.block()) == block);
        CHECK(find_defect(fragment, make_spec()).empty());
      } catch (const Error&) {
        CHECK(block != good);
      }
    }
  }

  TEST_CASE("another schema's block is refused") {
    EnvironmentSpec other = make_spec();
    other.observations[0].name = "stance";
    const auto schema = std::make_shared<FragmentSchema>(make_schema(other));
    CHECK(schema->digest() != make_shared_schema()->digest());
    CHECK_THROWS_AS(Fragment::from_block(schema, make_fragment().block()), Error);
  }

  TEST_CASE("a prefix keeps the first steps and the observation that follows them") {
    const Fragment whole = make_fragment();
    for (std::size_t steps = 1; steps <= kSteps; ++steps) {
      const Fragment part = whole.prefix(steps, 3);
      CHECK(part.num_steps() == steps);
      CHECK(part.header().sequence == whole.header().sequence);
      CHECK(part.continuation().size() == 3);
      for (std::size_t c = 0; c < whole.schema().columns().size(); ++c) {
        const std::size_t bytes = whole.schema().columns()[c].tensor.row_bytes();
        for (std::size_t t = 0; t < whole.schema().num_rows(c, steps); ++t) {
          CHECK(std::memcmp(part.row(c, t), whole.row(c, t), bytes) == 0);
        }
      }
    }
  }
}

TEST_SUITE("defects of fragments") {
  TEST_CASE("a right fragment has none") {
    CHECK(find_defect(make_fragment(), make_spec()) == "");
  }

  TEST_CASE("where every action is discrete a log-prob above 0 is a defect, rounding apart") {
    EnvironmentSpec spec = make_spec();
    std::erase_if(spec.actions, [](const TensorSpec& action) { return !action.is_discrete(); });
    Fragment fragment(std::make_shared<const FragmentSchema>(make_schema(spec)), 2);
    float& log_prob = fragment.column<float>(fragment.schema().require(kLogProbColumn))[1];
    for (const float fine : {0.0F, 1e-7F, -0.7F, -1e4F}) {
      log_prob = fine;
      CHECK(find_defect(fragment, spec) == "");
    }
    for (const float wrong : {1e-3F, 1.0F, -1.1e4F, std::nanf("")}) {
      log_prob = wrong;
      CHECK(find_defect(fragment, spec).starts_with("log_prob[1]"));
    }
  }

  TEST_CASE("what must not reach the weights is named with its column and row") {
    const float nan = std::nanf("");
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(defect_with("observation.state", 3, nan).starts_with("observation.state[1]"));
    CHECK(defect_with("observation.state", 17, -infinity).starts_with("observation.state[5]"));
    CHECK(defect_with("observation.state", 0, 1.1F).starts_with("observation.state[0]"));
    CHECK(defect_with("action.choice", 4, std::int64_t{4}).starts_with("action.choice[4]"));
    CHECK(defect_with("action.choice", 4, std::int64_t{-1}).starts_with("action.choice[4]"));
    CHECK(defect_with("action.force", 9, infinity).starts_with("action.force[4]"));
    CHECK(defect_with("action.force", 9, 2e6F).starts_with("action.force[4]"));
    CHECK(defect_with("reward", 2, 11.0F).starts_with("reward[2]"));
    CHECK(defect_with("reward", 2, nan).starts_with("reward[2]"));
    CHECK(defect_with("log_prob", 1, -2e4F).starts_with("log_prob[1]"));
    CHECK(defect_with("log_prob", 1, nan).starts_with("log_prob[1]"));
    CHECK(defect_with("log_prob", 1, infinity).starts_with("log_prob[1]"));
    CHECK(defect_with("log_prob", 1, 5.0F).empty());  // a density may be above 1
    CHECK(defect_with("policy_version", 0, std::int64_t{-1}).starts_with("policy_version[0]"));
  }

  TEST_CASE("what rounding and clipping leave is allowed") {
    CHECK(defect_with("observation.state", 0, 1.0009F) == "");
    CHECK(defect_with("reward", 0, 10.009F) == "");
    CHECK(defect_with("action.force", 0, 3.0F) == "");  // stored as sampled, clipped later
    CHECK(defect_with("log_prob", 0, 40.0F) == "");     // a density may exceed 1
    CHECK(defect_with("policy_version", 0, std::int64_t{1} << 40) == "");
    CHECK(defect_with("observation.picture", 0, std::uint8_t{255}) == "");
  }
}

}  // namespace rl
