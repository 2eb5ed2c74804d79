// A learner without learning that keeps account: endpoint, replay table and consumer, each of which
// writes into the ledger what it did.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "rl/replay/table.h"
#include "rl/rollout/run_config.h"
#include "rl/transport/learner_endpoint.h"
#include "tests/support/ledger.h"

namespace rl::tests {

struct ReceiverOptions {
  std::string bind = "ipc://@corral-fault";
  std::uint64_t run_id = 1;
  std::string environment = "Paced-5ms-v0";
  std::uint32_t slots = 1;
  std::uint32_t environments_per_slot = 1;
  std::filesystem::path ledger{};  // empty: none is kept
  std::filesystem::path keys{};    // a folder of `corral keygen`; empty: no encryption
  std::chrono::milliseconds worker_timeout{10000};
  std::uint32_t fragment_steps = 16;
  bool with_weights = true;  // false: workers join and wait for the first version
};

// Consumes on a thread of its own, as experience comes, from the construction to finish().
class Receiver {
 public:
  explicit Receiver(ReceiverOptions options);
  ~Receiver();  // without finish(): as if it was killed

  std::string address() const { return endpoint_.address(); }
  transport::LearnerEndpoint& endpoint() { return endpoint_; }
  void publish();  // the next version
  std::uint64_t version() const { return version_; }

  std::uint64_t steps() const { return steps_; }
  std::uint64_t steps_of(std::uint32_t slot) const { return slot_steps_[slot]; }
  std::uint64_t num_events(transport::WorkerEventKind kind) const {
    return events_[static_cast<std::size_t>(kind)];
  }
  // What was said of those who misbehaved, since the last call.
  std::vector<std::string> take_complaints();
  std::uint64_t num_refused_hellos() const { return endpoint_.counters().hellos_refused; }

  // Stops the workers, takes what still comes, closes the books. False when some worker did not
  // leave before the deadline: those are in the books as lost at their time-out only.
  bool finish(std::chrono::milliseconds deadline);

 private:
  struct Key {
    std::uint64_t worker = 0;
    std::uint64_t sequence = 0;
  };

  void consume(const std::stop_token& stop);
  bool take(std::chrono::milliseconds patience);
  void note_events();
  void sample(std::size_t count, LedgerEvent event);
  void write(LedgerEvent event, const Key& key, std::uint64_t value = 0, std::uint8_t reason = 0);

  ReceiverOptions options_;
  EnvironmentSpec spec_;
  std::unique_ptr<LedgerWriter> ledger_;
  transport::LearnerEndpoint endpoint_;
  replay::Table table_;
  std::unordered_map<const Fragment*, Key> keys_{};  // of what the table holds
  std::atomic<std::uint64_t> steps_{0};
  std::unique_ptr<std::atomic<std::uint64_t>[]> slot_steps_;
  std::array<std::atomic<std::uint64_t>, 5> events_{};
  std::mutex complaints_mutex_;
  std::vector<std::string> complaints_{};
  std::uint64_t version_ = 0;
  std::jthread consumer_;  // last: stops before anything it uses is gone
};

}  // namespace rl::tests
