// F7, F8: the network between two hosts is cut, in one direction or both, and heals; it loses
// packets; it is slow. The hosts are network namespaces of this test's own.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "rl/core/rng.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kSkipped = 77;
constexpr const char* kHere = "10.91.0.1";
constexpr seconds kHeartbeat{1};

struct Settings {
  std::uint64_t rounds = 200;
  std::uint64_t shortest = 1;
  std::uint64_t longest = 10;
  std::uint64_t loss_seconds = 20;
  std::uint64_t workers = 8;
  std::uint64_t seed = 1;
  std::string environment = "Paced-5ms-v0";
};

bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// This process moves into a network of its own, with a second one behind a cable.
class TwoHosts {
 public:
  TwoHosts() {
    if (unshare(CLONE_NEWNET) != 0) return;
    there_ = fork();  // nothing but a namespace that lasts as long as this process
    if (there_ == 0) {
      if (unshare(CLONE_NEWNET) != 0) _exit(1);
      execlp("sleep", "sleep", "infinity", nullptr);
      _exit(1);
    }
    works_ =
        there_ > 0 && shell("ip link set lo up && ip link add cable0 type veth peer name cable1");
    // It has its own namespace a moment after it was forked.
    works_ = works_ && FaultRun::wait_for(
                           [&] {
                             return shell("ip link set cable1 netns " + std::to_string(there_)) &&
                                    shell(there() + " ip link show cable1");
                           },
                           seconds(5));
    works_ =
        works_ &&
        shell(std::string("ip addr add ") + kHere + "/24 dev cable0 && ip link set cable0 up") &&
        shell(there() + " ip link set lo up") &&
        shell(there() + " ip addr add 10.91.0.2/24 dev cable1") &&
        shell(there() + " ip link set cable1 up") && shell("iptables -L");
  }
  ~TwoHosts() {
    if (there_ <= 0) return;
    kill(there_, SIGKILL);
    waitpid(there_, nullptr, 0);
  }
  TwoHosts(const TwoHosts&) = delete;
  TwoHosts& operator=(const TwoHosts&) = delete;

  bool works() const { return works_; }
  std::vector<std::string> words_there() const {
    return {"/usr/bin/nsenter", "-t", std::to_string(there_), "-n"};
  }

 private:
  std::string there() const { return "nsenter -t " + std::to_string(there_) + " -n"; }

  pid_t there_ = -1;
  bool works_ = false;
};

struct Cut {
  const char* name;
  const char* make;
  const char* heal;
};
constexpr Cut kCuts[] = {
    {"the cable pulled", "ip link set cable0 down", "ip link set cable0 up"},
    {"nothing arrives here", "iptables -A INPUT -i cable0 -j DROP",
     "iptables -D INPUT -i cable0 -j DROP"},
    {"nothing leaves here", "iptables -A OUTPUT -o cable0 -j DROP",
     "iptables -D OUTPUT -o cable0 -j DROP"},
    {"connections reset", "iptables -A INPUT -i cable0 -p tcp -j REJECT --reject-with tcp-reset",
     "iptables -D INPUT -i cable0 -p tcp -j REJECT --reject-with tcp-reset"}};

FaultRunOptions between_hosts(const Settings& settings) {
  FaultRunOptions options =
      over_network(settings.workers, settings.environment, 3 * kHeartbeat);
  options.bind = std::string("tcp://") + kHere + ":*";
  return options;
}

class Partition {
 public:
  Partition(const Settings& settings, const TwoHosts& hosts)
      : settings_(settings),
        random_(settings.seed, RngRole::test, 0),
        run_(between_hosts(settings)) {
    run_.start_workers(run_.receiver().address(), hosts.words_there());
  }

  int run() {
    report_.require(run_.all_present(seconds(60)), "workers of the other host joined");
    const PeakMemory memory;
    for (std::uint64_t i = 0; i < settings_.rounds; ++i) round(kCuts[i % std::size(kCuts)]);
    report_.say(text("        %llu cuts; longest until noticed %.2f s, until all were back %.2f s",
                     static_cast<unsigned long long>(settings_.rounds), slowest_notice_,
                     slowest_return_));
    report_.require(slowest_notice_ > 0.0 && slowest_notice_ < 3.0 * kHeartbeat.count() + 0.5,
                    "a cut that lasts was noticed within 3 heartbeats");
    for (const char* loss : {"0.01", "0.05", "0.20"}) {
      under(std::string(loss) + " of all packets lost",
            std::string("iptables -A INPUT -i cable0 -m statistic --mode random --probability ") +
                loss + " -j DROP",
            "iptables -F INPUT");
    }
    for (const char* rate : {"1mbit", "10mbit", "100mbit"}) {
      under(
          rate,
          std::string("tc qdisc add dev cable0 root tbf rate ") + rate + " burst 16kb latency 50ms",
          "tc qdisc del dev cable0 root");
    }
    report_.require_memory(memory.megabytes() < 64.0,
                    text("memory: %+.1f MB at most", memory.megabytes()));
    run_.settle(report_);
    return report_.status();
  }

 private:
  void round(const Cut& cut) {
    const milliseconds length(1000 * settings_.shortest +
                              random_.below(1000 * (settings_.longest - settings_.shortest) + 1));
    const std::size_t lost = run_.num_lost();
    const auto begun = FaultRun::Time::now();
    if (!shell(cut.make)) report_.require(false, std::string("cannot do: ") + cut.make);
    double noticed = 0.0;
    FaultRun::wait_for(
        [&] {
          if (noticed == 0.0 && run_.num_lost() >= lost + settings_.workers)
            noticed = seconds_since(begun);
          return false;
        },
        length);
    run_.receiver().publish();  // what nobody there has heard of
    if (!shell(cut.heal)) report_.require(false, std::string("cannot do: ") + cut.heal);
    const auto healed = FaultRun::Time::now();
    const bool silent =
        cut.name != kCuts[3].name && cut.name != kCuts[2].name;  // heard nothing of them
    if (silent && length > 3 * kHeartbeat + seconds(1)) {
      report_.require(noticed > 0.0, text("%s for %.1f s: noticed after %.2f s", cut.name,
                                          static_cast<double>(length.count()) / 1000, noticed));
      slowest_notice_ = std::max(slowest_notice_, noticed);
    }
    const bool back = FaultRun::wait_for([&] { return up_to_date(); }, seconds(60));
    if (!back)
      report_.require(false, text("%s: not all came back with the newest weights", cut.name));
    slowest_return_ = std::max(slowest_return_, seconds_since(healed));
  }

  bool up_to_date() {
    const auto workers = run_.receiver().endpoint().workers();
    return workers.size() == settings_.workers &&
           std::all_of(workers.begin(), workers.end(), [&](const auto& worker) {
             return worker.weight_version == run_.receiver().version();
           });
  }

  void under(const std::string& name, const std::string& make, const std::string& heal) {
    if (!shell(make)) {
      report_.say("skipped: this kernel cannot do " + make);
      return;
    }
    const std::size_t lost = run_.num_lost();
    const double rate = run_.steps_per_second(seconds(settings_.loss_seconds));
    shell(heal);
    report_.say(text("        %s: %.0f steps/s, %zu workers lost for a while", name.c_str(), rate,
                     run_.num_lost() - lost));
    report_.require(run_.all_present(seconds(60)), "all workers are there again");
  }

  const Settings settings_;
  RngStream random_;
  Report report_;
  FaultRun run_;
  double slowest_notice_ = 0.0;
  double slowest_return_ = 0.0;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"rounds", &settings.rounds, "", {.low = 1, .high = 1e6}, "cuts"});
  table.add({"shortest", &settings.shortest, "s", {.low = 1, .high = 1e6}, "cut"});
  table.add({"longest", &settings.longest, "s", {.low = 1, .high = 1e6}, "cut"});
  table.add(
      {"loss", &settings.loss_seconds, "s", {.low = 1, .high = 1e6}, "of each loss and rate"});
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4000}, "processes"});
  table.add({"seed", &settings.seed, "", {.low = 0, .high = 1e18}, "of the cuts"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-5ms-v0 and so on"});
  return tests::fault_main(
      argc, argv, std::move(table), "Cuts the network between two hosts.", [&] {
        const tests::TwoHosts hosts;
        if (!hosts.works()) {
          std::printf(
              "skipped: needs root, ip, nsenter and iptables, to make network namespaces\n");
          return tests::kSkipped;
        }
        return tests::Partition(settings, hosts).run();
      });
}
