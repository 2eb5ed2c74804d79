// Any text as a completion, scored by every rule and evaluated as a sum.
#include <cmath>

#include "fuzz/target.h"
#include "rl/language/arithmetic.h"
#include "rl/language/verifier.h"

using namespace rl;
using namespace rl::fuzz;
using namespace rl::language;

RL_FUZZ_TARGET(completion) {
  const std::string_view text = as_text(input);
  static const TextProblem problem{.prompt = "countdown(3,25,5;60)=", .answer = "1,234.50"};
  for (const std::string& name : builtin_verifiers().names()) {
    const std::string argument = name == "regex" ? "(a|ab)*c$" : name == "length" ? "20" : "";
    answers([&] {  // giving up on a pattern is an answer too
      const auto score = builtin_verifiers().require(name).make(argument)(problem, text);
      require(!score || std::isfinite(*score), "a score is a number");
    });
  }
  static const auto countdown = make_text_task({.task = "countdown", .digits = 2, .length = 3});
  const double score = countdown->score({.prompt = problem.prompt, .answer = "(25-5)*3"}, text);
  require(score >= 0.0 && score <= 1.0, "a score is from 0 to 1");
  if (const auto value = evaluate_arithmetic(text)) {
    require(value->denominator > 0, "a fraction's denominator is above 0");
    (void)to_string(*value);
  }
}
