#include "apps/corral/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "apps/corral/command.h"

namespace rl::app {

bool is_terminal(std::FILE* stream) { return isatty(fileno(stream)) != 0; }

std::size_t text_width() {
  constexpr std::size_t kNarrowest = 72;
  constexpr std::size_t kWidest = 100;
  winsize size{};
  if (!is_terminal(stdout) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return kWidest;
  return std::clamp<std::size_t>(size.ws_col, kNarrowest, kWidest);
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

void print_failure(const std::string& name, const char* message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", name.c_str(), message);
}

}  // namespace rl::app
