// A folder to fine-tune a tiny model in, and fine-tunings that end early or fail.
#pragma once

#include <atomic>
#include <fstream>
#include <sstream>
#include <string>

#include "rl/language/model_files.h"
#include "rl/learner/fine_tune.h"
#include "tests/learner/language/examples.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {

struct FineTuneFolder : TemporaryFolder {
  FineTuneFolder() { language::save_model(path() / "model", tiny_model()); }

  // Short runs of the model on a file, measured by held-out.jsonl. `defaults` are the algorithm's.
  FineTuneOptions options(FineTuneOptions defaults, const std::string& data,
                          const std::string& out) const {
    FineTuneOptions options = std::move(defaults);
    options.model = (path() / "model").string();
    options.data = (path() / data).string();
    options.validation = (path() / "held-out.jsonl").string();
    options.out = (path() / out).string();
    options.threads = 1;
    options.evaluate_every = 5;
    options.samples = 2;
    options.max_new_tokens = 4;
    options.checkpoint_every = 0.0;
    return options;
  }

  std::string text(const std::string& file) const {
    std::ifstream stream(path() / file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
};

// Runs until the step, as if Ctrl-C came then.
inline FineTuneSummary run_until(const FineTuneOptions& options, std::uint64_t last_step) {
  std::atomic<int> stop{0};
  FineTuneHooks hooks;
  hooks.stop = &stop;
  hooks.after_step = [&](std::uint64_t step) { stop = step >= last_step ? 1 : 0; };
  return fine_tune(options, hooks);
}

inline std::string message_of(const FineTuneOptions& options) {
  return message_of([&] { fine_tune(options, {}); });
}

}  // namespace rl::tests
