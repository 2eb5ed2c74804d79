#include "rl/formats/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "rl/core/error.h"
#include "rl/core/rng.h"
#include "tests/support/errors.h"

namespace {

using rl::tests::contains;

using rl::Bytes;
using rl::DType;
using rl::SafetensorsView;
using rl::TensorView;

Bytes image_of(std::string_view header, std::size_t data_bytes) {
  rl::ByteWriter writer;
  writer.put_string(header);
  writer.put_raw(Bytes(data_bytes));
  return writer.take();
}

std::string one_tensor(const std::string& description) {
  return "{\"w\":" + description + "}";
}

// The message of the refusal, or "" when the image is accepted.
std::string refusal(const Bytes& image) {
  try {
    SafetensorsView(image, "weights.safetensors");
    return "";
  } catch (const rl::Error& error) {
    return error.what();
  }
}

std::string refusal(std::string_view header, std::size_t data_bytes) {
  return refusal(image_of(header, data_bytes));
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

Bytes read_golden(const std::string& name) {
  std::ifstream file(std::string(RL_TEST_DATA) + "/golden/formats/" + name, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

const std::vector<float> kWeight = {1.0F, -2.5F, std::numeric_limits<float>::quiet_NaN(), 1e-40F};
const std::vector<std::int64_t> kSteps = {-1, std::int64_t{1} << 62};
const std::vector<std::uint8_t> kFlags = {1, 0, 255};

Bytes sample_image() {
  const std::vector<TensorView> tensors = {
      {"flags", DType::u8, {3}, bytes_of(kFlags)},
      {"actor.weight", DType::f32, {2, 2}, bytes_of(kWeight)},
      {"none", DType::f32, {4, 0}, {}},
      {"steps", DType::i64, {2}, bytes_of(kSteps)},
  };
  return rl::write_safetensors(tensors, {{"corral.policy", "{\"a\": \"ü\"}"}, {"z", ""}});
}

TEST_SUITE_BEGIN("safetensors");

TEST_CASE("an image may be written header first, then tensor by tensor") {
  const std::vector<rl::TensorLayout> layouts = {{"a", DType::f32, {2, 2}}, {"b", DType::u8, {3}}};
  rl::ByteWriter writer;
  writer.put_raw(rl::write_safetensors_header(layouts, {{"format", "pt"}}));
  writer.put_raw(bytes_of(kWeight));
  writer.put_raw(bytes_of(kFlags));
  const std::vector<TensorView> tensors = {{"a", DType::f32, {2, 2}, bytes_of(kWeight)},
                                           {"b", DType::u8, {3}, bytes_of(kFlags)}};
  CHECK(writer.take() == rl::write_safetensors(tensors, {{"format", "pt"}}));
  const std::vector<rl::TensorLayout> narrow_first = {layouts[1], layouts[0]};
  CHECK_THROWS_AS(rl::write_safetensors_header(narrow_first, {}), rl::Error);
}

TEST_CASE("booleans are read as bytes") {
  const SafetensorsView view(
      image_of(one_tensor(R"({"dtype":"BOOL","shape":[2],"data_offsets":[0,2]})"), 2), "masks");
  CHECK(view.require("w").dtype == DType::u8);
}

TEST_CASE("what is written is read back, bit for bit") {
  const Bytes image = sample_image();
  const SafetensorsView view(image, "sample");
  CHECK(view.tensors().size() == 4);
  const auto weight = view.values<float>("actor.weight", {2, 2});
  CHECK(std::memcmp(weight.data(), kWeight.data(), weight.size_bytes()) == 0);
  const auto steps = view.values<std::int64_t>("steps", {2});
  CHECK(std::vector(steps.begin(), steps.end()) == kSteps);
  CHECK(view.require("none").data.empty());
  CHECK(view.require("flags").data.size() == 3);
  CHECK(view.metadata().at("corral.policy") == "{\"a\": \"ü\"}");
  CHECK(view.metadata().at("z").empty());
}

TEST_CASE("a file without tensors is a file") {
  const Bytes image = rl::write_safetensors({}, {});
  const SafetensorsView view(image, "empty");
  CHECK(view.tensors().empty());
  CHECK(view.metadata().empty());
}

TEST_CASE("data starts at a multiple of 64 bytes and every tensor is aligned to its element") {
  const Bytes image = sample_image();
  const SafetensorsView view(image, "sample");
  CHECK((view.tensors().front().data.data() - image.data()) % 64 == 0);
  for (const TensorView& tensor : view.tensors()) {
    CHECK((tensor.data.data() - image.data()) % rl::size_bytes(tensor.dtype) == 0);
  }
}

TEST_CASE("the same input gives the same bytes, other input other bytes") {
  CHECK(sample_image() == sample_image());
  const std::vector<float> other = {1.0F, -2.5F, 0.0F, 1e-40F};
  const auto image = [](const std::vector<float>& values) {
    const std::vector<TensorView> tensors = {{"w", DType::f32, {4}, bytes_of(values)}};
    return rl::write_safetensors(tensors, {});
  };
  CHECK(image(kWeight) == image(kWeight));
  CHECK(image(kWeight) != image(other));
}

TEST_CASE("tensors of one width keep the order they were given in") {
  const std::vector<TensorView> tensors = {{"z", DType::f32, {4}, bytes_of(kWeight)},
                                           {"a", DType::f32, {4}, bytes_of(kWeight)}};
  const Bytes image = rl::write_safetensors(tensors, {});
  const SafetensorsView view(image, "order");
  CHECK(view.tensors()[0].name == "z");
  CHECK(view.tensors()[1].name == "a");
}

TEST_CASE("a file of the Python package is read") {
  const Bytes image = read_golden("mixed.safetensors");
  const SafetensorsView view(image, "mixed.safetensors");
  CHECK(view.tensors().size() == 9);
  const auto weight = view.values<float>("actor.0.weight", {2, 3});
  CHECK(std::vector(weight.begin(), weight.end()) ==
        std::vector<float>{0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 1.25F});
  CHECK(view.values<float>("actor.0.bias", {3})[2] == 1e-30F);
  CHECK(view.values<double>("moments", {2, 1})[0] == 1e300);
  CHECK(view.values<double>("scalar", {})[0] == 42.0);
  CHECK(view.values<std::int64_t>("steps", {2})[0] == std::int64_t{1} << 62);
  CHECK(view.values<float>("empty", {0, 5}).empty());
  CHECK(view.require("half").dtype == DType::f16);
  CHECK(view.require("mask").data[2] == std::byte{255});
  CHECK(view.require("counts").dtype == DType::i32);
  CHECK(view.metadata().at("note") == "ünïcode");
}

TEST_CASE("every supported element type survives a round trip") {
  for (const DType dtype :
       {DType::u8, DType::i32, DType::i64, DType::f16, DType::bf16, DType::f32, DType::f64}) {
    const Bytes data(rl::size_bytes(dtype) * 3, std::byte{0x41});
    const std::vector<TensorView> tensors = {{"t", dtype, {3}, data}};
    const Bytes image = rl::write_safetensors(tensors, {});
    const SafetensorsView view(image, "types");
    CHECK(view.require("t").dtype == dtype);
    CHECK(view.require("t").data.size() == data.size());
  }
}

TEST_CASE("a missing tensor is named together with the near ones") {
  const Bytes image = sample_image();
  const SafetensorsView view(image, "policy.safetensors");
  CHECK(view.find("critic.weight") == nullptr);
  CHECK_THROWS_WITH_AS(view.require("actor.wieght"), doctest::Contains("'actor.weight'"),
                       rl::Error);
  CHECK_THROWS_WITH_AS(view.require("actor.wieght"), doctest::Contains("policy.safetensors"),
                       rl::Error);
}

TEST_CASE("a tensor of another type or shape is refused with both sides shown") {
  const Bytes image = sample_image();
  const SafetensorsView view(image, "sample");
  CHECK_THROWS_WITH_AS(view.values<float>("actor.weight", {4}),
                       doctest::Contains("expected F32[4], got F32[2,2]"), rl::Error);
  CHECK_THROWS_WITH_AS(view.values<double>("actor.weight", {2, 2}),
                       doctest::Contains("expected F64[2,2], got F32[2,2]"), rl::Error);
}

TEST_CASE("values at an unaligned address are refused rather than read") {
  const Bytes image = sample_image();
  Bytes shifted(image.size() + 1);
  std::memcpy(shifted.data() + 1, image.data(), image.size());
  const std::span<const std::byte> unaligned(shifted.data() + 1, image.size());
  const SafetensorsView view(unaligned, "shifted");
  CHECK_THROWS_WITH_AS(view.values<float>("actor.weight", {2, 2}), doctest::Contains("not aligned"),
                       rl::Error);
}

TEST_CASE("files too short for their own claims are refused") {
  CHECK(contains(refusal(Bytes{}), "too short"));
  CHECK(contains(refusal(Bytes(7)), "too short"));
  Bytes claims_much = image_of("{}", 0);
  std::memset(claims_much.data(), 0xFF, 8);
  CHECK(contains(refusal(claims_much), "longer than allowed"));
}

TEST_CASE("a header is accepted at its limit and refused one byte past it") {
  const Bytes image = image_of("{}  ", 0);
  CHECK_NOTHROW(SafetensorsView(image, "limit", 4));
  CHECK_THROWS_WITH_AS(SafetensorsView(image, "limit", 3), doctest::Contains("at most 3 bytes"),
                       rl::Error);
}

TEST_CASE("anything but strict JSON is refused") {
  for (const std::string header : {"", " {}", "[]", "\"text\"", "{", "{}x", "{\"a\":}", "{'a':1}",
                                   "{\"a\":1,}", "{//c\n}", "\xEF\xBB\xBF{}", "{\"\xFF\":\"\"}"}) {
    CAPTURE(header);
    CHECK(contains(refusal(header, 0), "weights.safetensors"));
  }
  CHECK(contains(refusal(std::string_view("{}\0}", 4), 0), "not a JSON object"));
}

TEST_CASE("a key named twice is refused at every level") {
  const std::string tensor = "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}";
  CHECK(contains(refusal("{\"w\":" + tensor + ",\"w\":" + tensor + "}", 1), "a key twice"));
  CHECK(contains(refusal("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0), "a key twice"));
  CHECK(contains(refusal(one_tensor("{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],"
                                    "\"data_offsets\":[0,1]}"),
                         1),
                 "a key twice"));
}

TEST_CASE("deep nesting is refused early") {
  CHECK(contains(refusal("{\"a\":" + std::string(100000, '['), 0), "nests too deeply"));
}

TEST_CASE("an element type that is not supported is refused by name") {
  const auto message =
      refusal(one_tensor("{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}"), 1);
  CHECK(contains(message, "F8_E4M3"));
  CHECK(contains(message, "BF16"));
  CHECK(contains(message, "tensor 'w'"));
}

TEST_CASE("a tensor that is not described properly is refused") {
  for (const std::string description : {
           "1",
           "[]",
           "{}",
           "{\"dtype\":\"U8\"}",
           "{\"dtype\":\"U8\",\"shape\":[1]}",
           "{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[1e0],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[9223372036854775808],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[99999999999999999999],\"data_offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,2]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,-1]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"offsets\":[0,1]}",
           "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}",
       }) {
    CAPTURE(description);
    CHECK(contains(refusal(one_tensor(description), 1), "weights.safetensors"));
  }
}

TEST_CASE("a shape whose size overflows is refused") {
  const std::string wide = std::to_string(std::int64_t{1} << 61);
  for (const std::string& extents :
       std::vector<std::string>{wide + ",8", wide + ",8,0", "65536,65536,65536,65536"}) {
    const auto message = refusal(
        one_tensor("{\"dtype\":\"F64\",\"shape\":[" + extents + "],\"data_offsets\":[0,0]}"), 0);
    CHECK(contains(message, "overflows"));
  }
}

TEST_CASE("metadata that is not text is refused") {
  CHECK(contains(refusal("{\"__metadata__\":[]}", 0), "__metadata__"));
  CHECK(contains(refusal("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__"));
  CHECK(contains(refusal("{\"__metadata__\":{\"a\":{}}}", 0), "__metadata__"));
}

std::string two_tensors(const std::string& first, const std::string& second) {
  return "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + first +
         "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + second + "}}";
}

TEST_CASE("offsets must cover the data exactly") {
  CHECK(refusal(two_tensors("[0,2]", "[2,4]"), 4).empty());
  CHECK(refusal(two_tensors("[2,4]", "[0,2]"), 4).empty());
  CHECK(contains(refusal(two_tensors("[0,2]", "[3,5]"), 5), "out of place"));  // hole
  CHECK(contains(refusal(two_tensors("[0,2]", "[1,3]"), 3), "out of place"));  // overlap
  CHECK(contains(refusal(two_tensors("[0,2]", "[0,2]"), 2), "out of place"));  // the same bytes
  CHECK(contains(refusal(two_tensors("[1,3]", "[3,5]"), 5), "out of place"));  // hole at the start
  CHECK(contains(refusal(two_tensors("[0,2]", "[2,4]"), 3), "out of place"));  // past the end
  CHECK(contains(refusal(two_tensors("[0,2]", "[2,4]"), 5), "do not cover"));  // bytes left over
}

TEST_CASE("hostile names reach messages without control characters") {
  const auto message = refusal("{\"\\u001b[2J" + std::string(500, 'x') + "\":1}", 0);
  CHECK(!contains(message, "\x1b"));
  CHECK(message.size() < 400);
}

TEST_CASE("a file cut anywhere is refused") {
  const Bytes image = sample_image();
  for (std::size_t size = 0; size < image.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(SafetensorsView(std::span(image).first(size), "cut"), rl::Error);
  }
}

TEST_CASE("flipped bits give a refusal or a view inside the image, never a crash") {
  const Bytes image = sample_image();
  rl::RngStream random(20, rl::RngRole::test, 0);
  std::size_t refused = 0;
  for (int round = 0; round < 5000; ++round) {
    Bytes damaged = image;
    const auto flips = 1 + random.below(4);
    for (std::uint64_t flip = 0; flip < flips; ++flip) {
      damaged[random.below(damaged.size())] ^= std::byte{1} << (random.below(8));
    }
    try {
      const SafetensorsView view(damaged, "damaged");
      std::size_t covered = 0;
      for (const TensorView& tensor : view.tensors()) covered += tensor.data.size();
      REQUIRE(covered < damaged.size());
    } catch (const rl::Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("writing refuses names that are taken, wrong lengths and text that is not UTF-8") {
  const auto write = [](std::vector<TensorView> tensors, std::map<std::string, std::string> texts) {
    return rl::write_safetensors(tensors, texts);
  };
  const TensorView good{"w", DType::f32, {4}, bytes_of(kWeight)};
  TensorView other = good;
  CHECK_THROWS_WITH_AS(write({good, other}, {}), doctest::Contains("'w'"), rl::Error);
  other.name = "__metadata__";
  CHECK_THROWS_WITH_AS(write({good, other}, {}), doctest::Contains("taken"), rl::Error);
  other.name = "v";
  other.shape = {5};
  CHECK_THROWS_WITH_AS(write({good, other}, {}), doctest::Contains("expected 20 bytes, got 16"),
                       rl::Error);
  other.shape = {-4};
  CHECK_THROWS_AS(write({good, other}, {}), rl::Error);
  CHECK_THROWS_WITH_AS(write({good}, {{"k", "\xFF"}}), doctest::Contains("UTF-8"), rl::Error);
}

TEST_SUITE_END();

}  // namespace
