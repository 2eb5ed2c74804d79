// Bytes as a tokenizer.json: an Error or a tokenizer that works, never harm.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rl/core/error.h"
#include "rl/text/tokenizer.h"

namespace {

constexpr std::string_view kText =
    " The\u00A0cat's 123 \xF0\x9F\x98\x80\xFF<s>\n\n\u1E9B\u0323 def f(x):\r\n";

void use(const rl::text::Tokenizer& tokenizer) {
  const auto ids = tokenizer.encode(kText);
  tokenizer.encode_plain(kText);
  const std::string whole = tokenizer.decode(ids, true);
  rl::text::StreamDecoder stream(tokenizer);
  std::string pieces;
  for (const auto id : ids) pieces += stream.push(id);
  pieces += stream.finish();
  if (pieces != whole) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    use(rl::text::Tokenizer::from_json({reinterpret_cast<const char*>(data), size}, "fuzz"));
  } catch (const rl::Error&) {
    return 0;
  }
  return 0;
}
