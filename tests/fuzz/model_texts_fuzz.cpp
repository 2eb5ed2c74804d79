// Any text as one of the small files beside a model: refused, or what may be believed of it.
#include "fuzz/choices.h"
#include "src/language/model_texts.h"

using namespace rl;
using namespace rl::fuzz;
using namespace rl::language;

RL_FUZZ_TARGET(model_texts) {
  const std::string_view text = as_text(input);
  answers([&] { (void)template_of(text, "fuzz"); });
  answers([&] {
    for (const auto id : stop_ids_of(text, "fuzz")) require(id >= 0, "a stop id is an id");
  });
  answers([&] { check_tokenizer_ids(text, 1000, "fuzz"); });
  answers([&] {
    for (const auto& [file, tensors] : files_of_index(text, "fuzz")) {
      require(file.find('/') == file.npos && file.front() != '.', "a shard is in the folder");
      require(!tensors.empty(), "a shard is named for a tensor");
    }
  });
}
