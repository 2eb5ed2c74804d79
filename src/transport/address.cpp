#include "src/transport/address.h"

#include <sys/un.h>

#include "rl/core/error.h"

namespace rl::transport {
namespace {

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host == "[::1]" || host == "lo";
}

[[noreturn]] void wrong(std::string_view where, const std::string& what,
                        const std::string& expected, const std::string& got) {
  throw Error({.where = std::string(where), .what = what, .expected = expected, .got = got});
}

void check_port(const std::string& text, std::string_view port, std::string_view where) {
  const bool is_number = !port.empty() && port.size() <= 5 &&
                         port.find_first_not_of("0123456789") == std::string_view::npos &&
                         std::stoul(std::string(port)) <= 65535;
  if (!is_number && port != "*") {
    wrong(where, "the port is missing or wrong", "tcp://HOST:PORT, e.g. tcp://127.0.0.1:5555",
          text);
  }
}

}  // namespace

Address parse_address(const std::string& text, std::string_view where) {
  const std::size_t colon = text.find("://");
  const std::string scheme = text.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 3);
  if (rest.empty() || (scheme != "ipc" && scheme != "tcp" && scheme != "inproc")) {
    wrong(where, "not an address", "ipc://@NAME, ipc:///PATH, tcp://HOST:PORT or inproc://NAME",
          "'" + text + "'");
  }
  if (scheme == "inproc") return {Scheme::inproc, rest, false};
  if (scheme == "ipc") {
    constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
    if (rest.size() > kLongest) {
      wrong(where, "ipc path is too long", "at most " + std::to_string(kLongest) + " bytes",
            std::to_string(rest.size()) + " bytes in '" + text + "'");
    }
    return {Scheme::ipc, rest, false};
  }
  const std::size_t last_colon = rest.rfind(':');
  check_port(text, last_colon == std::string::npos ? "" : rest.substr(last_colon + 1), where);
  return {Scheme::tcp, {}, !is_loopback(rest.substr(0, last_colon))};
}

}  // namespace rl::transport
