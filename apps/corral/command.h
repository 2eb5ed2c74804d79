// What every command of the program shares.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "rl/core/error.h"

namespace rl::app {

// Exit statuses, as documented in docs/command-line.md.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;
inline constexpr int kStopped = 3;  // by a signal, cleanly: the run can be resumed

// The commands: the words after the name, an exit status.
int run_envs(const std::vector<std::string>& words);
int run_algorithms(const std::vector<std::string>& words);
int run_eval(const std::vector<std::string>& words);
int run_init_model(const std::vector<std::string>& words);
int run_copy_model(const std::vector<std::string>& words);
int run_generate(const std::vector<std::string>& words);
int run_inspect(const std::vector<std::string>& words);
int run_keygen(const std::vector<std::string>& words);
int run_make_data(const std::vector<std::string>& words);
int run_worker_command(const std::vector<std::string>& words);
// These end in corral-learner, the program that links LibTorch.
int run_train(const std::vector<std::string>& words);
int run_learner(const std::vector<std::string>& words);

std::string envs_help(std::size_t width);
std::string algorithms_help(std::size_t width);
std::string eval_help(std::size_t width);
std::string init_model_help(std::size_t width);
std::string copy_model_help(std::size_t width);
std::string generate_help(std::size_t width);
std::string inspect_help(std::size_t width);
std::string keygen_help(std::size_t width);
std::string make_data_help(std::size_t width);
std::string worker_help(std::size_t width);

// A command line that is not understood: exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What `parse` returns; its Error becomes a UsageError.
template <class Parse>
auto understand(const Parse& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

// "corral NAME: message", one line on stderr.
void print_failure(const std::string& name, const char* message);

// Runs `body` and turns what it throws into such a line and an exit status.
template <class Body>
int run_reporting(const std::string& name, const Body& body) {
  try {
    return body();
  } catch (const UsageError& error) {
    print_failure(name, error.what());
    return kWrongUsage;
  } catch (const std::exception& error) {
    print_failure(name, error.what());
    return kFailed;
  }
}

}  // namespace rl::app
