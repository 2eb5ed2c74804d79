#include "tests/integration/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

extern char** environ;

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;

// Reads what is there; false and closed at the end.
bool drain(int& pipe, std::string& into) {
  std::array<char, 4096> buffer;
  const auto count = read(pipe, buffer.data(), buffer.size());
  if (count > 0) into.append(buffer.data(), static_cast<std::size_t>(count));
  if (count > 0) return true;
  close(pipe);
  pipe = -1;
  return false;
}

}  // namespace

Program::Program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), RL_CORRAL_PROGRAM);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  const int error = posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  out_pipe_ = out[0];
  err_pipe_ = err[0];
  if (error != 0) throw std::runtime_error("cannot start " + arguments[0]);
  process_handle_ = static_cast<int>(syscall(SYS_pidfd_open, process_, 0));
}

Program::~Program() {
  if (process_ > 0) finish(std::chrono::seconds(0));
  for (const int handle : {process_handle_, out_pipe_, err_pipe_}) {
    if (handle >= 0) close(handle);
  }
}

bool Program::pump(Time::time_point end) {
  std::array<pollfd, 3> handles{pollfd{out_pipe_, POLLIN, 0}, pollfd{err_pipe_, POLLIN, 0},
                                pollfd{process_handle_, POLLIN, 0}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Time::now()).count();
  if (left <= 0 || poll(handles.data(), handles.size(), static_cast<int>(left)) <= 0) return false;
  bool more = false;
  if (handles[0].revents != 0) more |= drain(out_pipe_, out_);
  if (handles[1].revents != 0) more |= drain(err_pipe_, err_);
  return more || handles[2].revents == 0;
}

bool Program::wait_for(const std::string& text, std::chrono::seconds deadline) {
  const Time::time_point end = Time::now() + deadline;
  while (!contains(out_, text) && !contains(err_, text)) {
    if (!pump(end)) return contains(out_, text) || contains(err_, text);
  }
  return true;
}

std::string Program::rest_of_line(const std::string& label, std::chrono::seconds deadline) {
  const Time::time_point end = Time::now() + deadline;
  while (true) {
    const std::size_t found = err_.find(label);
    const std::size_t newline = found == std::string::npos ? found : err_.find('\n', found);
    if (newline != std::string::npos) {
      return err_.substr(found + label.size(), newline - found - label.size());
    }
    if (!pump(end)) return {};
  }
}

int Program::finish(std::chrono::seconds deadline) {
  const Time::time_point end = Time::now() + deadline;
  while (pump(end)) {
  }
  pollfd ended{process_handle_, POLLIN, 0};
  const bool in_time = poll(&ended, 1, 0) > 0;
  if (!in_time) kill(process_, SIGKILL);
  int status = 0;
  waitpid(process_, &status, 0);
  process_ = -1;
  if (!in_time) return -1;
  constexpr int kSignalled = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

void Program::send(int signal) const { kill(process_, signal); }

Ended run_program(std::vector<std::string> arguments) {
  Program program(std::move(arguments));
  const int status = program.finish();
  return {status, program.out(), program.err()};
}

int find_process(const std::string& argument) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    for (std::string word; std::getline(file, word, '\0');) {
      if (word == argument) return std::stoi(name);
    }
  }
  return 0;
}

bool ends(int process, std::chrono::seconds deadline) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  if (handle < 0) return true;
  pollfd ended{handle, POLLIN, 0};
  const auto limit = std::chrono::milliseconds(deadline).count();
  const bool in_time = poll(&ended, 1, static_cast<int>(limit)) > 0;
  close(handle);
  return in_time;
}

}  // namespace rl::tests
