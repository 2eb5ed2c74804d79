#include "tests/faults/fault_run.h"

#include <unistd.h>

#include <algorithm>

#include "rl/transport/keys.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::filesystem::path make_key_folder(const std::filesystem::path& folder) {
  transport::make_keys(folder, "a");
  transport::make_keys(folder, "b");
  return folder;
}

double resident_megabytes() {
  return static_cast<double>(footprint(getpid()).resident_bytes) / 1e6;
}

}  // namespace

FaultRun::FaultRun(const FaultRunOptions& options)
    : options_(options),
      files_{folder_.path() / "workers.ledger", folder_.path() / "receiver.ledger"} {
  ReceiverOptions receive{.bind = options.bind.empty()
                                      ? "ipc://@corral-fault-" + std::to_string(getpid())
                                      : options.bind,
                          .environment = options.environment,
                          .slots = static_cast<std::uint32_t>(options.workers),
                          .ledger = files_[1],
                          .worker_timeout = options.worker_timeout};
  if (options.with_keys) receive.keys = make_key_folder(keys());
  receiver_ = std::make_unique<Receiver>(receive);
}

std::uint16_t FaultRun::port() const {
  const std::string address = receiver_->address();
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

void FaultRun::start_worker(std::size_t index, const std::string& address,
                              const std::vector<std::string>& before) {
  std::vector<std::string> words = before;
  words.insert(words.end(), {RL_FAULT_WORKER, "--connect", address, "--slot", std::to_string(index),
                             "--ledger", files_[0].string(), "--retry",
                             std::to_string(options_.retry.count()), "--timeout",
                             std::to_string(options_.learner_timeout.count())});
  if (options_.with_keys) words.insert(words.end(), {"--keys", keys().string()});
  processes_.start(index, std::move(words));
}

void FaultRun::start_workers(const std::string& address, const std::vector<std::string>& before) {
  for (std::size_t i = 0; i < options_.workers; ++i) start_worker(i, address, before);
}

bool FaultRun::all_present(seconds most) {
  return wait_for([&] { return num_present() == options_.workers; }, most);
}

double FaultRun::steps_per_second(milliseconds time) {
  const auto begun = Time::now();
  const std::uint64_t before = receiver_->steps();
  std::this_thread::sleep_for(time);
  return static_cast<double>(receiver_->steps() - before) / seconds_since(begun);
}

LedgerBalance FaultRun::settle(Report& report) {
  report.require(receiver_->finish(seconds(60)) && processes_.wait_all(seconds(20)),
                 "every worker left in order, no process was left behind");
  const LedgerBalance result = balance(read_ledger(files_));
  report.require(result.violations == 0 && result.consumed > 0, result.to_text());
  return result;
}

PeakMemory::PeakMemory()
    : start_(resident_megabytes()), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          peak_ = std::max(peak_.load(), resident_megabytes() - start_);
          std::this_thread::sleep_for(milliseconds(5));
        }
      }) {}

}  // namespace rl::tests
