// Digests of files and messages: what is equal in 256 bits is the same.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace rl {

// BLAKE2b with 256 bits and no key (RFC 7693), as `b2sum -l 256` prints it.
using Digest = std::array<std::byte, 32>;

// Threads: any. Throws nothing; empty data has a digest too.
Digest digest(std::span<const std::byte> data);

// 64 lower-case hexadecimal digits.
std::string to_hex(const Digest& digest);

}  // namespace rl
