// What an address text says about who can reach it.
#pragma once

#include <string>
#include <string_view>

namespace rl::transport {

enum class Scheme : unsigned char { ipc, tcp, inproc };

struct Address {
  Scheme scheme;
  std::string path;  // ipc: file, or @name in the abstract namespace
  bool is_wide;      // reachable from other hosts
};

// Throws Error naming `where` for another scheme, an empty rest, a tcp address without a port, or
// an ipc path longer than a socket's address holds.
Address parse_address(const std::string& text, std::string_view where);

}  // namespace rl::transport
