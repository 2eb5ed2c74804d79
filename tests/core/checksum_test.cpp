#include "rl/core/checksum.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "rl/core/rng.h"

namespace rl {
namespace {

std::uint32_t crc_of(std::string_view text, std::uint32_t seed = 0) {
  return crc32c(std::as_bytes(std::span(text)), seed);
}

// Bit by bit, as the polynomial is defined.
std::uint32_t naive_crc32c(std::span<const std::byte> data) {
  std::uint32_t crc = ~0U;
  for (const std::byte byte : data) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1U ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

}  // namespace

TEST_SUITE("checksums") {
  TEST_CASE("CRC-32C gives the published answers") {
    CHECK(crc_of("123456789") == 0xE3069283);
    CHECK(crc_of("") == 0);
    // RFC 3720, appendix B.4.
    CHECK(crc_of(std::string(32, '\0')) == 0x8A9136AA);
    CHECK(crc_of(std::string(32, '\xFF')) == 0x62A8AB43);
    std::string rising;
    for (char c = 0; c < 32; ++c) rising += c;
    CHECK(crc_of(rising) == 0x46DD794E);
    CHECK(crc_of(std::string(rising.rbegin(), rising.rend())) == 0x113FDB5C);
  }

  TEST_CASE("CRC-32C equals the definition at every length and alignment") {
    RngStream stream(1, RngRole::test, 0);
    std::vector<std::byte> data(200);
    for (std::byte& byte : data) byte = static_cast<std::byte>(stream.below(256));
    for (std::size_t offset = 0; offset < 9; ++offset) {
      for (std::size_t size = 0; offset + size <= data.size(); size += 1 + size / 16) {
        const auto part = std::span(data).subspan(offset, size);
        CHECK(crc32c(part) == naive_crc32c(part));
      }
    }
  }

  TEST_CASE("CRC-32C equals the definition where long data is cut into streams") {
    RngStream stream(2, RngRole::test, 0);
    std::vector<std::byte> data(10000);
    for (std::byte& byte : data) byte = static_cast<std::byte>(stream.below(256));
    for (const std::size_t size : {255, 256, 257, 511, 512, 519, 767, 768, 1023, 1024, 2048, 3071,
                                   3072, 3073, 6143, 6144, 6151, 9216, 9999}) {
      const auto part = std::span(data).subspan(1, size);
      CHECK(crc32c(part) == naive_crc32c(part));
      CHECK(crc32c(part.subspan(size / 3), crc32c(part.first(size / 3))) == naive_crc32c(part));
    }
  }

  TEST_CASE("a checksum continues over parts") {
    const std::string text = "experience is gathered by many workers";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      CHECK(crc_of(text.substr(cut), crc_of(text.substr(0, cut))) == crc_of(text));
    }
  }

  TEST_CASE("FNV-1a gives the published answers") {
    CHECK(fnv1a("") == 0xCBF29CE484222325);
    CHECK(fnv1a("a") == 0xAF63DC4C8601EC8C);
    CHECK(fnv1a("foobar") == 0x85944171F73967E8);
  }
}

}  // namespace rl
