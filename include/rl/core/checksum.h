// Checksums against accidents (not against attackers: see formats/digest.h for that).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace rl {

// CRC-32C (Castagnoli), hardware-assisted where the CPU can. `seed` continues an earlier result.
std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed = 0);

// FNV-1a, 64 bits: short stable names for texts such as specs.
std::uint64_t fnv1a(std::string_view text);

}  // namespace rl
