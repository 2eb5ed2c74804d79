#include "apps/corral/learner_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "apps/corral/terminal.h"
#include "rl/core/error.h"

namespace rl::app {

void continue_in_learner(const std::string& name, const std::vector<std::string>& words) {
  // LibTorch's threads sleep while they wait: on a machine that has something else to do, spinning
  // ones take the cores from those that compute (measured: 12 times slower). OpenMP reads it when
  // it is loaded.
  constexpr int kKeepWhatIsSet = 0;
  setenv("OMP_WAIT_POLICY", "PASSIVE", kKeepWhatIsSet);
  const std::string program = (program_folder() / "corral-learner").string();
  std::vector<std::string> arguments{program, name};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  throw Error({.where = program,
               .what = "the learner cannot be started: " + std::string(std::strerror(errno)),
               .remedy = "build it with LibTorch: scripts/build, without -DRL_WITH_TORCH=OFF"});
}

}  // namespace rl::app
