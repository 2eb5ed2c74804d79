// libFuzzer's entry into the one target that a program is linked with.
#include <cstdint>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rl::fuzz::Target target = rl::fuzz::targets().at(0);
  target.run(std::as_bytes(std::span(data, size)));
  return 0;
}
