#include "rl/cli/train_option_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "rl/cli/ini.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace rl::cli {
namespace {

using tests::contains;
using tests::message_of;

// Number of fields of an aggregate: the most initialisers its braces take.
struct Anything {
  template <class T>
  operator T() const;
};

template <class T, class... Initialisers>
constexpr std::size_t num_fields() {
  if constexpr (requires { T{Initialisers{}..., Anything{}}; }) {
    return num_fields<T, Initialisers..., Anything>();
  } else {
    return sizeof...(Initialisers);
  }
}

std::size_t num_options(const std::string& prefix) {
  TrainOptions options;
  const OptionTable table = train_option_table(options);
  return static_cast<std::size_t>(
      std::count_if(table.options().begin(), table.options().end(), [&](const Option& option) {
        return prefix.empty() ? option.name.find('.') == std::string::npos
                              : option.name.starts_with(prefix);
      }));
}

const void* address_of(const Target& target) {
  return std::visit(
      [](const auto& field) -> const void* {
        if constexpr (requires { field.value; }) return field.value;
        else return field;
      },
      target);
}

// Another accepted value than the present one.
std::string other_value(const Option& option, const std::string& now) {
  if (std::holds_alternative<bool*>(option.target)) return now == "true" ? "false" : "true";
  if (!option.choices.empty()) return option.choices.front() == now ? option.choices.back()
                                                                   : option.choices.front();
  if (std::holds_alternative<std::string*>(option.target)) return " other; # text";
  if (std::holds_alternative<std::vector<std::int64_t>*>(option.target)) return "7,5,3";
  if (std::holds_alternative<std::uint64_t*>(option.target)) return now == "17" ? "18" : "17";
  return now == "0.125" ? "0.25" : "0.125";
}

}  // namespace

TEST_SUITE("cli train option table") {
  TEST_CASE("every field of the options has exactly one option") {
    constexpr std::size_t kNetwork = num_fields<NetworkOptions>() - 1;
    CHECK(num_fields<NetworkOptions>() == 2);
    CHECK(num_options("ppo.") == num_fields<PpoOptions>() + kNetwork);
    CHECK(num_options("dqn.") == num_fields<DqnOptions>() + kNetwork);
    // has_stop_return is part of --stop-return; ppo and dqn are counted above.
    CHECK(num_options("") == num_fields<TrainOptions>() - 3);

    TrainOptions options;
    const OptionTable table = train_option_table(options);
    std::set<const void*> fields;
    std::set<std::string> names;
    for (const Option& option : table.options()) {
      CAPTURE(option.name);
      CHECK(fields.insert(address_of(option.target)).second);
      CHECK(names.insert(option.name).second);
      CHECK_FALSE(option.help.empty());
    }
  }

  TEST_CASE("a written configuration reads back to the same value of every field") {
    TrainOptions options;
    OptionTable table = train_option_table(options);
    for (const Option& option : table.options()) {
      table.set({option.name, other_value(option, table.value_of(option)), "test"});
      CAPTURE(option.name);
      CHECK(table.value_of(option) != table.default_of(option));
    }
    const tests::TemporaryFolder folder;
    const auto path = folder.path() / "round_trip.ini";
    std::ofstream(path) << train_config_text(options);
    TrainOptions back = read_train_config(path.string());
    const OptionTable back_table = train_option_table(back);
    for (const Option& option : back_table.options()) {
      CAPTURE(option.name);
      if (option.name == "resume") {
        CHECK_FALSE(back.resume);
      } else {
        CHECK(back_table.value_of(option) == table.value_of(*table.find(option.name)));
      }
    }
    CHECK(train_config_text(back) == train_config_text(options));
  }

  TEST_CASE("every default is accepted by its own option") {
    TrainOptions options;
    OptionTable table = train_option_table(options);
    for (const Option& option : table.options()) {
      CAPTURE(option.name);
      CHECK_NOTHROW(table.set({option.name, table.default_of(option), "test"}));
    }
  }

  TEST_CASE("a configuration says no more than it must") {
    const TrainOptions options;
    const std::string text = train_config_text(options);
    CHECK(contains(text, "algo = ppo\n"));
    CHECK(contains(text, "stop-return = none\n"));
    CHECK(contains(text, "\n[ppo]\nhidden = 64,64\n"));
    CHECK(contains(text, "\n[dqn]\nhidden = 256,256\n"));
    CHECK_FALSE(contains(text, "resume"));
  }
}

}  // namespace rl::cli
