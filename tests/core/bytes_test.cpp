#include "rl/core/bytes.h"

#include <limits>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/core/rng.h"

namespace rl {
namespace {

// Not inlined: g++ 12 warns of overflows that cannot be when it sees an empty vector grow.
[[gnu::noinline]] void write_one_of_each(ByteWriter& out, const Bytes& payload) {
  out.put(std::uint8_t{200});
  out.put(std::int64_t{-5});
  out.put(0.1);
  out.put(std::numeric_limits<float>::infinity());
  out.put_string("grüße");
  out.put_string("");
  out.put_bytes(payload);
  out.put_raw(payload);
}

}  // namespace

TEST_SUITE("byte records") {
  TEST_CASE("what is written is read back, values, strings and raw bytes") {
    const Bytes payload{std::byte{1}, std::byte{0}, std::byte{255}};
    ByteWriter out;
    write_one_of_each(out, payload);
    const Bytes record = out.take();

    ByteReader in(record, "record");
    CHECK(in.get<std::uint8_t>() == 200);
    CHECK(in.get<std::int64_t>() == -5);
    CHECK(in.get<double>() == 0.1);
    CHECK(in.get<float>() == std::numeric_limits<float>::infinity());
    CHECK(in.get_string() == "grüße");
    CHECK(in.get_string().empty());
    const auto bytes = in.get_bytes();
    CHECK(Bytes(bytes.begin(), bytes.end()) == payload);
    CHECK(in.remaining() == payload.size());
    CHECK_THROWS_AS(in.expect_end(), Error);
    const auto raw = in.get_raw(payload.size());
    CHECK(Bytes(raw.begin(), raw.end()) == payload);
    CHECK_NOTHROW(in.expect_end());
  }

  TEST_CASE("numbers are little-endian without padding") {
    ByteWriter out;
    out.put(std::uint8_t{1});
    out.put(std::uint32_t{0x04030201});
    CHECK(out.bytes() ==
          Bytes{std::byte{1}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
  }

  TEST_CASE("a record cut anywhere is refused with its name") {
    ByteWriter out;
    out.put(std::uint32_t{7});
    out.put_string("name");
    const Bytes record = out.take();
    for (std::size_t size = 0; size < record.size(); ++size) {
      const auto cut = std::span(record).first(size);
      ByteReader in(cut, "checkpoint manifest");
      const auto read = [&] {
        in.get<std::uint32_t>();
        in.get_string();
      };
      CHECK_THROWS_WITH_AS(read(), doctest::Contains("checkpoint manifest"), Error);
    }
  }

  TEST_CASE("a length larger than the data is not believed, not even the largest there is") {
    for (const std::uint64_t length :
         {std::uint64_t{4}, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
      ByteWriter out;
      out.put(length);
      out.put_raw(Bytes(3));
      const Bytes record = out.take();
      ByteReader in(record, "record");
      CHECK_THROWS_AS(in.get_bytes(), Error);
      ByteReader text(record, "record");
      CHECK_THROWS_AS(text.get_string(), Error);
    }
  }

  TEST_CASE("random bytes are either read or refused, never more than there is") {
    RngStream stream(1, RngRole::test, 0);
    std::size_t refused = 0;
    for (int round = 0; round < 2000; ++round) {
      Bytes record(stream.below(40));
      for (std::byte& byte : record) byte = static_cast<std::byte>(stream.below(8) == 0 ? 3 : 0);
      ByteReader in(record, "record");
      try {
        while (in.remaining() > 0) {
          const auto bytes = in.get_bytes();
          CHECK(bytes.size() <= record.size());
        }
      } catch (const Error&) {
        ++refused;
      }
    }
    CHECK(refused > 0);
    CHECK(refused < 2000);
  }
}

}  // namespace rl
