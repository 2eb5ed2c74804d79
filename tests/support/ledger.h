// What happened to every fragment, written down by those who handled it, and whether it adds up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rl/core/fragment.h"

namespace rl::tests {

// Who writes what, about the fragment `sequence` of a worker's stay (one connection) in a run:
enum class LedgerEvent : std::uint8_t {
  offered,   // producer, before the transport gets it; value: fingerprint
  closed,    // producer, at its own end; sequence: the last number given out, none unacknowledged
  received,  // receiver, out of the inbox; value: fingerprint
  dropped,   // receiver, with a reason
  ended,     // receiver, of the whole stay; sequence: settled; value: produced, as it was told
  inserted,  // replay
  consumed,  // who takes from the replay table
  resident,  // replay, at the end: what is still there
  receiver_left  // receiver, at its own orderly end (worker 0): every stay has its `ended`
};

// 64 bytes: appended whole, and never across a page, where a kill could cut a write in two.
struct LedgerRecord {
  std::uint64_t run = 0;
  std::uint64_t worker = 0;  // worker id: one stay
  std::uint64_t sequence = 0;
  std::uint64_t value = 0;
  LedgerEvent event{};
  std::uint8_t reason = 0;  // transport::DropReason of dropped and ended
  std::uint8_t unused[30] = {};
};
static_assert(sizeof(LedgerRecord) == 64);

// Tells fragments of different content apart.
std::uint64_t fingerprint(const Fragment& fragment);

// Appends to a file, which any number of processes may do at once. What was appended survives a
// kill of the process (not of the machine). Throws std::runtime_error when it cannot.
class LedgerWriter {
 public:
  explicit LedgerWriter(const std::filesystem::path& file);
  ~LedgerWriter();
  LedgerWriter(const LedgerWriter&) = delete;
  LedgerWriter& operator=(const LedgerWriter&) = delete;

  void append(const LedgerRecord& record);

 private:
  int file_;
};

// All records of the files, in the order of each file. Throws std::runtime_error for a torn one.
std::vector<LedgerRecord> read_ledger(std::span<const std::filesystem::path> files);

// Fragments counted by what became of them: offered is the sum of the others.
struct LedgerBalance {
  std::uint64_t stays = 0;
  std::uint64_t offered = 0;
  std::uint64_t consumed = 0;
  std::uint64_t resident = 0;
  std::map<std::uint8_t, std::uint64_t> dropped{};  // by reason
  std::uint64_t never_left = 0;          // offered, and the receiver was never told of it
  std::uint64_t died_with_receiver = 0;  // in a run whose receiver did not end in order
  std::uint64_t died_with_replay = 0;    // received there, and in no table when it was killed
  std::uint64_t violations = 0;
  std::vector<std::string> examples{};  // of violations, the first 20 as sentences

  std::string to_text() const;
};

// Violations: a fragment received that nobody offered (unknown), or with another content; received,
// inserted, consumed or left twice; out of order; offered in an orderly end and yet nowhere (lost);
// a stay without an end; a producer that was told all arrived when it had not.
LedgerBalance balance(std::span<const LedgerRecord> records);

}  // namespace rl::tests
