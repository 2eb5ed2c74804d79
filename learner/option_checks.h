// What the checks of every kind of run's options share.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace rl {

// Throws Error naming the option, what is allowed and what was given.
// Threads: immutable; any.
class OptionChecks {
 public:
  // `help`: the command that explains the options.
  constexpr OptionChecks(const char* where, const char* help) : where_(where), help_(help) {}

  [[noreturn]] void refuse(const std::string& option, const std::string& expected,
                           const std::string& got) const;
  void one_of(const std::string& option, const std::string& value,
              std::initializer_list<std::string_view> allowed) const;
  void within(const std::string& option, double value, double low, double high,
              const std::string& expected) const;
  void positive(const std::string& option, double value) const;
  void text(const std::string& option, const std::string& value, const std::string& what) const;
  void at_least_one(const std::string& option, std::size_t value) const;

  // AdamW and adapters, by the names that the options of language models give them.
  template <class Options>
  void optimiser(const Options& options) const {
    within("--adam-epsilon", options.adam_epsilon, kTiny, kLargest, "more than 0");
    within("--weight-decay", options.weight_decay, 0.0, kLargest, "0 or more");
    within("--max-gradient-norm", options.max_gradient_norm, 0.0, kLargest, "0 or more");
    within("--beta1", options.beta1, 0.0, 0.999999, "from 0 to below 1");
    within("--beta2", options.beta2, 0.0, 0.999999, "from 0 to below 1");
    within("--lora-alpha", options.lora_alpha, kTiny, kLargest, "more than 0");
    if (options.lora_rank > 0 && options.lora_targets.empty()) {
      refuse("--lora-targets", "names of modules, such as q_proj,v_proj", "none");
    }
  }

  static constexpr double kTiny = 1e-300;    // anything above 0
  static constexpr double kLargest = 1e300;  // anything finite

 private:
  const char* where_;
  const char* help_;
};

}  // namespace rl
