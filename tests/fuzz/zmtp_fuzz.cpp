// What strangers and libzmq say to each other past the gate: read at once or byte by byte it is
// judged the same, and no more traffic is counted than came.
#include "fuzz/choices.h"
#include "src/transport/zmtp.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::transport;
using Stage = ZmtpClientReader::Stage;

constexpr std::size_t kMostMessageBytes = 2000;

Bytes frame(std::uint8_t flags, std::string_view name, std::uint8_t size) {
  Bytes bytes(2 + std::size_t{size});
  bytes[0] = static_cast<std::byte>(flags);
  bytes[1] = static_cast<std::byte>(size);
  std::memcpy(&bytes[2], name.data(), name.size());
  return bytes;
}

// One who has said what a right client says, up to a point.
ZmtpClientReader client_until(std::size_t steps) {
  ZmtpClientReader reader(kMostMessageBytes);
  if (steps > 0) require(!reader.read(curve_greeting()), "a right greeting is right");
  if (steps > 1) require(!reader.read(frame(4, "\x05HELLO", 200)), "a right HELLO is right");
  if (steps > 2) require(!reader.read(frame(4, "\x08INITIATE", 255)), "a right INITIATE is right");
  if (steps > 3) reader.let_in();
  reader.take_traffic();
  return reader;
}

void read_client(Input input, std::size_t steps) {
  ZmtpClientReader whole = client_until(steps);
  ZmtpClientReader piecewise = whole;
  const auto defect = whole.read(input);
  std::optional<Rejection> found;
  for (std::size_t i = 0; i < input.size() && !found; ++i) {
    found = piecewise.read(input.subspan(i, 1));
  }
  require(defect == found, "the same defect, however the bytes come");
  require(whole.stage() == piecewise.stage(), "as far, however the bytes come");
  const auto counted = whole.take_traffic();
  const auto counted_piecewise = piecewise.take_traffic();
  require(counted.message_bytes == counted_piecewise.message_bytes &&
              counted.small_frames == counted_piecewise.small_frames,
          "the same traffic, however the bytes come");
  require(counted.message_bytes + 2 * counted.small_frames <= input.size(), "no more than came");
  require(steps > 3 || whole.stage() != Stage::let_in, "only the server lets in");
}

void read_server(Input input) {
  ZmtpServerReader whole;
  ZmtpServerReader piecewise;
  std::size_t skipped = 0;
  const auto verdict = whole.read(input, skipped);
  require(skipped == std::min(kGreetingBytes, input.size()), "the greeting is skipped, no more");
  auto found = ZmtpServerReader::Verdict::pending;
  for (std::size_t i = 0; i < input.size(); ++i) {
    std::size_t skip = 0;
    found = piecewise.read(input.subspan(i, 1), skip);
  }
  require(verdict == found, "the same verdict, however the bytes come");
}

}  // namespace

RL_FUZZ_TARGET(zmtp) {
  Choices choices(input);
  const std::size_t kind = choices.below(6);
  if (kind == 5) return read_server(choices.rest());
  read_client(choices.rest(), kind);
}
