// Worker process -> learner over ZeroMQ, beside raw ZeroMQ with the same frame sizes, in turns.
//   bench_transport [repetitions]
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "rl/replay/table.h"
#include "rl/transport/keys.h"
#include "rl/transport/learner_endpoint.h"
#include "rl/transport/worker_endpoint.h"

extern char** environ;

namespace {

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kDeadline{60000};

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// CPU seconds of this process and of the children that have ended.
double cpu_seconds() {
  double seconds = 0.0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& part : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(part.tv_sec) + 1e-6 * static_cast<double>(part.tv_usec);
    }
  }
  return seconds;
}

EnvironmentSpec cartpole_like() {
  return {.name = "CartPole-like",
          .observations = {{.name = "state",
                            .shape = {4},
                            .low = {-4.8, -1e30, -0.42, -1e30},
                            .high = {4.8, 1e30, 0.42, 1e30}}},
          .actions = {{.name = "action", .dtype = DType::i64, .low = {0.0}, .high = {1.0}}}};
}

struct Child {
  explicit Child(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.begin(), "bench_transport");
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    if (posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, pointers.data(), environ) != 0) {
      std::perror("posix_spawn");
      std::exit(1);
    }
  }
  ~Child() { waitpid(pid, nullptr, 0); }
  pid_t pid = 0;
};

// Of both ends, made for a bench and worth nothing: they travel on its children's command lines.
struct Keys {
  KeyPair learner{};  // empty: no encryption
  KeyPair worker{};
  std::vector<std::string> words() const {
    if (learner.public_key.empty()) return {};
    return {learner.public_key, worker.public_key, worker.secret_key};
  }
};

// --- raw ZeroMQ: PUSH -> PULL, default options ---

void raw_child(const std::string& address, std::size_t frame_bytes, std::size_t total_bytes,
               const Keys& keys) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::push);
  if (!keys.learner.public_key.empty()) {
    socket.set(zmq::sockopt::curve_serverkey, keys.learner.public_key);
    socket.set(zmq::sockopt::curve_publickey, keys.worker.public_key);
    socket.set(zmq::sockopt::curve_secretkey, keys.worker.secret_key);
  }
  socket.connect(address);
  const std::vector<std::byte> frame(frame_bytes, std::byte{1});
  for (std::size_t sent = 0; sent < total_bytes; sent += frame_bytes) {
    socket.send(zmq::buffer(frame));
  }
}

double raw_bytes_per_second(const std::string& address, std::size_t frame_bytes,
                            std::size_t total_bytes, const Keys& keys) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pull);
  if (!keys.learner.public_key.empty()) {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, keys.learner.secret_key);
  }
  socket.bind(address);
  const std::string where = socket.get(zmq::sockopt::last_endpoint);
  const Child child({"raw", where, std::to_string(frame_bytes), std::to_string(total_bytes)},
                    keys.words());
  zmq::message_t message;
  static_cast<void>(socket.recv(message));
  const auto start = steady_clock::now();
  std::size_t received = 0;
  while (received + frame_bytes < total_bytes) {
    static_cast<void>(socket.recv(message));
    received += message.size();
  }
  return static_cast<double>(received) / seconds_since(start);
}

// --- ours: the same bytes as checked, acknowledged fragments in the inbox ---

void worker_child(const std::string& address, std::size_t num_steps, std::size_t batch_bytes,
                  std::size_t count, const Keys& keys) {
  WorkerEndpoint worker({.connect = address,
                         .keys = keys.worker,
                         .learner_key = keys.learner.public_key,
                         .batch_bytes = batch_bytes},
                        {.worker_name = "bench"});
  worker.connect(kDeadline);
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(cartpole_like()));
  worker.set_schema(schema);
  const auto fragment = std::make_shared<const Fragment>(schema, num_steps);
  for (std::size_t i = 0; i < count; ++i) {
    if (!worker.send(fragment, kDeadline)) std::exit(1);
  }
  if (!worker.close(kDeadline)) std::exit(1);
}

struct Rate {
  double bytes_per_second = 0.0;
  double steps_per_second = 0.0;
};

template <class Take>
Rate our_rate(const std::string& address, std::size_t num_steps, std::size_t batch_bytes,
              std::size_t count, const Keys& keys, Take take) {
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(cartpole_like()));
  LearnerOptions listen{.bind = address, .keys = keys.learner};
  if (!keys.learner.public_key.empty()) listen.allowed_workers = {keys.worker.public_key};
  LearnerEndpoint learner(
      listen, {.run_id = 1, .environment = cartpole_like(), .schema = schema, .run_config = {}});
  const Child child({"worker", learner.address(), std::to_string(num_steps),
                     std::to_string(batch_bytes), std::to_string(count)},
                    keys.words());
  auto received = learner.receive(kDeadline);
  const auto start = steady_clock::now();
  Rate rate;
  for (std::size_t i = 1; i < count && received; ++i) {
    received = learner.receive(kDeadline);
    if (!received) break;
    rate.bytes_per_second += static_cast<double>(received->fragment->block().size());
    rate.steps_per_second += static_cast<double>(received->fragment->num_steps());
    take(std::move(received->fragment));
  }
  const double seconds = seconds_since(start);
  return {rate.bytes_per_second / seconds, rate.steps_per_second / seconds};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const std::string& address, std::size_t num_steps, std::size_t batch_bytes,
             int repetitions, const Keys& keys = {}) {
  const FragmentSchema schema = make_schema(cartpole_like());
  const std::size_t block = schema.block_bytes(num_steps) + 4;
  const std::size_t per_frame = std::max<std::size_t>(1, (batch_bytes + block - 1) / block);
  const std::size_t frame_bytes = per_frame * block + 60;
  const std::size_t total_bytes = std::size_t{512} << 20;
  std::vector<double> raw, ours, ratios, cpu_ratios;
  for (int i = 0; i < repetitions; ++i) {
    const double begin = cpu_seconds();
    raw.push_back(raw_bytes_per_second(address, frame_bytes, total_bytes, keys) / 1e6);
    const double between = cpu_seconds();
    ours.push_back(
        our_rate(address, num_steps, batch_bytes, total_bytes / block, keys, [](FragmentPtr) {})
            .bytes_per_second /
        1e6);
    ratios.push_back(ours.back() / raw.back());
    cpu_ratios.push_back((between - begin) / (cpu_seconds() - between));
  }
  const std::string name = address + (keys.learner.public_key.empty() ? "" : " keys");
  std::printf("%-24s %8zu %9zu %9.0f %9.0f %7.0f %% %7.0f %%\n", name.c_str(), block - 4,
              frame_bytes, median(raw), median(ours), 100.0 * median(ratios),
              100.0 * median(cpu_ratios));
  std::fflush(stdout);
}

void end_to_end(const std::string& address, int repetitions) {
  constexpr std::size_t kSteps = 128;
  constexpr std::size_t kCount = 40000;
  std::vector<double> rates;
  for (int i = 0; i < repetitions; ++i) {
    replay::Table table({.unit = replay::ItemUnit::step, .capacity_steps = 1000000});
    rates.push_back(our_rate(address, kSteps, std::size_t{64} << 10, kCount, {},
                             [&](FragmentPtr fragment) {
                               if (!table.insert(std::move(fragment), kDeadline)) std::exit(1);
                             })
                        .steps_per_second /
                    1e6);
  }
  std::printf("%-24s %.2f million transitions/s into a replay table\n", address.c_str(),
              median(rates));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto number = [&](std::size_t i) { return std::stoull(arguments.at(i)); };
  const auto keys_from = [&](std::size_t i) -> Keys {
    if (arguments.size() <= i) return {};
    return {.learner = {.public_key = arguments.at(i)},
            .worker = {arguments.at(i + 1), arguments.at(i + 2)}};
  };
  if (!arguments.empty() && arguments[0] == "raw") {
    raw_child(arguments.at(1), number(2), number(3), keys_from(4));
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "worker") {
    worker_child(arguments.at(1), number(2), number(3), number(4), keys_from(5));
    return 0;
  }
  const int repetitions = arguments.empty() ? 3 : std::stoi(arguments[0]);
  const std::string ipc = "ipc://@/corral-bench-" + std::to_string(getpid());
  std::printf("%-24s %8s %9s %9s %9s %9s %9s\n", "MB/s, one worker process", "block", "frame",
              "raw", "corral", "of raw", "by CPU");
  for (const std::string& address : {std::string("tcp://127.0.0.1:*"), ipc}) {
    compare(address, 128, 0, repetitions);
    compare(address, 128, std::size_t{64} << 10, repetitions);
    compare(address, 6000, 0, repetitions);
  }
  const Keys keys{generate_key_pair(), generate_key_pair()};
  compare("tcp://127.0.0.1:*", 128, std::size_t{64} << 10, repetitions, keys);
  compare("tcp://127.0.0.1:*", 6000, 0, repetitions, keys);
  for (const std::string& address : {std::string("tcp://127.0.0.1:*"), ipc}) {
    end_to_end(address, repetitions);
  }
  return 0;
}
