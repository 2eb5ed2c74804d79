#include "tests/support/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "rl/core/checksum.h"

namespace rl::tests {
namespace {

// What was written of one fragment.
struct Fate {
  std::optional<std::uint64_t> offered{};
  int received = 0;
  int dropped = 0;
  std::uint8_t reason = 0;
  int inserted = 0;
  int consumed = 0;
  int resident = 0;
};

// What was written of one stay of a worker.
struct Stay {
  std::map<std::uint64_t, Fate> fragments{};
  std::uint64_t last_settled = 0;  // in the order of the receiver's records
  std::optional<std::uint64_t> closed{};
  std::optional<LedgerRecord> ended{};
};

using StayKey = std::pair<std::uint64_t, std::uint64_t>;  // run, worker

class Auditor {
 public:
  explicit Auditor(std::span<const LedgerRecord> records) {
    for (const LedgerRecord& record : records) {
      if (record.event == LedgerEvent::receiver_left) orderly_.insert(record.run);
      // Producers write into files of their own: what they offered has to be known first.
      if (record.event == LedgerEvent::offered) offer(record);
    }
    for (const LedgerRecord& record : records) note(record);
    for (const auto& [key, stay] : stays_) settle(key, stay);
    result_.stays = stays_.size();
  }

  LedgerBalance take() { return std::move(result_); }

 private:
  void violation(const StayKey& key, std::uint64_t sequence, const std::string& what) {
    constexpr std::size_t kMostExamples = 20;
    if (++result_.violations > kMostExamples) return;
    result_.examples.push_back("fragment " + std::to_string(sequence) + " of worker " +
                               std::to_string(key.second) + " in run " + std::to_string(key.first) +
                               ": " + what);
  }

  void offer(const LedgerRecord& record) {
    const StayKey key{record.run, record.worker};
    Stay& stay = stays_[key];
    const std::uint64_t next = stay.fragments.empty() ? 1 : stay.fragments.rbegin()->first + 1;
    if (record.sequence != next) violation(key, record.sequence, "offered out of order");
    stay.fragments[record.sequence].offered = record.value;
  }

  void arrive(const StayKey& key, Stay& stay, const LedgerRecord& record) {
    Fate& fate = stay.fragments[record.sequence];
    if (fate.received + fate.dropped > 0) violation(key, record.sequence, "arrived twice");
    if (record.sequence != stay.last_settled + 1) violation(key, record.sequence, "out of order");
    stay.last_settled = record.sequence;
    if (!fate.offered) violation(key, record.sequence, "unknown: nobody offered it");
    if (record.event == LedgerEvent::dropped) {
      ++fate.dropped;
      fate.reason = record.reason;
      return;
    }
    ++fate.received;
    if (fate.offered && *fate.offered != record.value) {
      violation(key, record.sequence, "arrived with another content than it was offered with");
    }
  }

  void note(const LedgerRecord& record) {
    if (record.event == LedgerEvent::offered || record.event == LedgerEvent::receiver_left) return;
    const StayKey key{record.run, record.worker};
    Stay& stay = stays_[key];
    switch (record.event) {
      case LedgerEvent::received:
      case LedgerEvent::dropped:
        return arrive(key, stay, record);
      case LedgerEvent::closed:
        stay.closed = record.sequence;
        return;
      case LedgerEvent::ended:
        if (stay.ended) violation(key, 0, "the stay ended twice");
        stay.ended = record;
        return;
      case LedgerEvent::inserted:
        ++stay.fragments[record.sequence].inserted;
        return;
      case LedgerEvent::consumed:
        ++stay.fragments[record.sequence].consumed;
        return;
      default:
        ++stay.fragments[record.sequence].resident;
        return;
    }
  }

  void settle(const StayKey& key, const Stay& stay) {
    const bool orderly = orderly_.contains(key.first);
    if (orderly && !stay.ended) violation(key, 0, "the stay has no end");
    if (stay.ended && stay.ended->sequence != stay.last_settled) {
      violation(key, stay.last_settled,
                "the receiver settled " + std::to_string(stay.ended->sequence) + " by its count");
    }
    for (const auto& [sequence, fate] : stay.fragments) {
      if (fate.offered) ++result_.offered;
      if (fate.received > 0) {
        settle_received(key, sequence, fate, orderly);
      } else if (fate.inserted + fate.consumed + fate.resident > 0) {
        violation(key, sequence, "in the table, but never received");
      } else if (fate.dropped > 0) {
        ++result_.dropped[fate.reason];
      } else {
        settle_missing(key, stay, sequence, orderly);
      }
    }
  }

  void settle_received(const StayKey& key, std::uint64_t sequence, const Fate& fate, bool orderly) {
    const int left = fate.consumed + fate.resident;
    if (fate.inserted > 1 || left > 1) violation(key, sequence, "inserted, consumed or left twice");
    if (left > fate.inserted) violation(key, sequence, "consumed, but never inserted");
    if (left == 0 && orderly) return violation(key, sequence, "lost between receiver and consumer");
    result_.consumed += fate.consumed > 0 ? 1 : 0;
    result_.resident += fate.consumed == 0 && fate.resident > 0 ? 1 : 0;
    result_.died_with_replay += left == 0 ? 1 : 0;
  }

  // Offered, and neither received nor dropped one by one.
  void settle_missing(const StayKey& key, const Stay& stay, std::uint64_t sequence, bool orderly) {
    const bool told = stay.ended && sequence <= stay.ended->value;
    if (stay.closed && sequence <= *stay.closed && orderly) {
      violation(key, sequence, "lost: its producer was told that all arrived");
    } else if (told) {
      ++result_.dropped[stay.ended->reason];
    } else if (!orderly) {
      ++result_.died_with_receiver;
    } else {
      ++result_.never_left;
    }
  }

  std::map<StayKey, Stay> stays_{};
  std::set<std::uint64_t> orderly_{};  // runs whose receiver left in order
  LedgerBalance result_{};
};

}  // namespace

std::uint64_t fingerprint(const Fragment& fragment) {
  const auto block = fragment.block();
  return fnv1a({reinterpret_cast<const char*>(block.data()), block.size()});
}

LedgerWriter::LedgerWriter(const std::filesystem::path& file)
    : file_(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (file_ < 0) throw std::runtime_error("cannot open " + file.string());
}

LedgerWriter::~LedgerWriter() {
  close(file_);
}

void LedgerWriter::append(const LedgerRecord& record) {
  if (write(file_, &record, sizeof record) != sizeof record) {
    throw std::runtime_error("cannot append to the ledger");
  }
}

std::vector<LedgerRecord> read_ledger(std::span<const std::filesystem::path> files) {
  std::vector<LedgerRecord> records;
  for (const auto& name : files) {
    const std::size_t bytes = std::filesystem::file_size(name);
    if (bytes % sizeof(LedgerRecord) != 0) throw std::runtime_error(name.string() + " is torn");
    const std::size_t before = records.size();
    records.resize(before + bytes / sizeof(LedgerRecord));
    std::ifstream file(name, std::ios::binary);
    file.read(reinterpret_cast<char*>(records.data() + before),
              static_cast<std::streamsize>(bytes));
    if (!file) throw std::runtime_error("cannot read " + name.string());
  }
  return records;
}

LedgerBalance balance(std::span<const LedgerRecord> records) {
  return Auditor(records).take();
}

std::string LedgerBalance::to_text() const {
  std::string text = "ledger: " + std::to_string(offered) + " offered in " + std::to_string(stays) +
                     " stays = " + std::to_string(consumed) + " consumed + " +
                     std::to_string(resident) + " resident";
  static constexpr const char* kReasons[] = {"duplicate",   "malformed",   "out of spec",
                                             "over credit", "worker lost", "shutdown"};
  for (const auto& [reason, count] : dropped) {
    text += " + " + std::to_string(count) + " dropped (" + kReasons[reason] + ")";
  }
  if (never_left > 0) {
    text += " + " + std::to_string(never_left) + " that never left their producer";
  }
  if (died_with_receiver + died_with_replay > 0) {
    text += " + " + std::to_string(died_with_receiver) +
            " died on their way to a killed receiver + " + std::to_string(died_with_replay) +
            " in its memory";
  }
  text += "; violations: " + std::to_string(violations);
  for (const std::string& example : examples) text += "\n  " + example;
  return text;
}

}  // namespace rl::tests
