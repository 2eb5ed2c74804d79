// Any text as a tokenizer.json: refused, or a tokenizer that works.
#include "fuzz/target.h"
#include "rl/text/tokenizer.h"

namespace {

using namespace rl;
using namespace rl::fuzz;

constexpr std::string_view kText =
    " The\u00A0cat's 123 \xF0\x9F\x98\x80\xFF<s>\n\n\u1E9B\u0323 def f(x):\r\n";

void use(const text::Tokenizer& tokenizer) {
  const auto ids = tokenizer.encode(kText);
  (void)tokenizer.encode_plain(kText);
  const std::string whole = tokenizer.decode(ids, true);
  text::StreamDecoder stream(tokenizer);
  std::string pieces;
  for (const auto id : ids) {
    require(id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocabulary_size(),
            "an id is of the vocabulary");
    pieces += stream.push(id);
  }
  pieces += stream.finish();
  require(pieces == whole, "streamed pieces put together are the decoded text");
}

}  // namespace

RL_FUZZ_TARGET(tokenizer) {
  answers([&] { use(text::Tokenizer::from_json(as_text(input), "fuzz")); });
}
