// Any text as JSON lines of problems, examples or conversations: refused, or what can be learned.
#include "fuzz/target.h"
#include "rl/language/problem_file.h"
#include "rl/language/training_data.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::language;

constexpr const char* kTemplate =
    "{% for m in messages %}<|bos|>{{ m['role'] }}\n{{ m['content'] }}<|eos|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|bos|>assistant\n{% endif %}";

const ExampleEncoder& encoder() {
  static const ExampleEncoder encoder(
      {.tokenizer = text::Tokenizer::from_json(text::byte_tokenizer_json(), "bytes"),
       .chat_template = text::ChatTemplate(kTemplate, "template"),
       .bos_token = "<|bos|>",
       .eos_token = "<|eos|>",
       .eos_id = 257},
      {.max_tokens = 64});
  return encoder;
}

void encode(std::string_view line) {
  answers([&] {
    const auto example = encoder().encode(line);
    if (!example) return;
    require(example->tokens.size() == example->loss.size(), "every token has its mask");
    require(example->tokens.size() <= 64, "no example is longer than allowed");
    require(example->answer_begin <= example->answer_end, "an answer has an end");
  });
}

}  // namespace

RL_FUZZ_TARGET(problems) {
  const std::string_view text = as_text(input);
  for (const bool skip_broken_lines : {false, true}) {
    answers([&] {
      const ProblemFile file = problems_of_text(text, "fuzz.jsonl", skip_broken_lines);
      require(file.problems.size() + file.broken == file.lines, "every line is counted");
    });
  }
  encode(text.substr(0, text.find('\n')));
}
