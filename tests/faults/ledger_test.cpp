// What the ledger calls right, and every kind of wrong it has to notice.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "tests/support/ledger.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

constexpr std::uint8_t kOutOfSpec = 2;
constexpr std::uint8_t kWorkerLost = 4;

std::uint64_t content(std::uint64_t sequence) {
  return 1000 + sequence;
}

LedgerRecord record(LedgerEvent event, std::uint64_t sequence, std::uint64_t value = 0,
                    std::uint8_t reason = 0) {
  return {.run = 9,
          .worker = 1,
          .sequence = sequence,
          .value = value,
          .event = event,
          .reason = reason};
}

// Five fragments of one worker, each received, inserted and consumed; everybody left in order.
std::vector<LedgerRecord> good_run() {
  std::vector<LedgerRecord> records;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    records.push_back(record(LedgerEvent::offered, i, content(i)));
    records.push_back(record(LedgerEvent::received, i, content(i)));
    records.push_back(record(LedgerEvent::inserted, i));
    records.push_back(record(LedgerEvent::consumed, i));
  }
  records.push_back(record(LedgerEvent::closed, 5));
  records.push_back(record(LedgerEvent::ended, 5, 5));
  records.push_back({.run = 9, .event = LedgerEvent::receiver_left});
  return records;
}

void take_out(std::vector<LedgerRecord>& records, LedgerEvent event, std::uint64_t sequence) {
  std::erase_if(records, [&](const auto& r) { return r.event == event && r.sequence == sequence; });
}

// Its one violation, or what else was found.
std::string fault(const std::vector<LedgerRecord>& records) {
  const LedgerBalance result = balance(records);
  if (result.violations == 0) return "none";
  return result.examples.front();
}

bool says(const std::vector<LedgerRecord>& records, const std::string& words) {
  const std::string text = fault(records);
  INFO(text);
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_SUITE_BEGIN("ledger");

TEST_CASE("a run in which everything arrived and was consumed balances") {
  const LedgerBalance result = balance(good_run());
  CHECK(result.violations == 0);
  CHECK(result.offered == 5);
  CHECK(result.consumed == 5);
  CHECK(result.stays == 1);
}

TEST_CASE("what is still in the table is resident") {
  auto records = good_run();
  take_out(records, LedgerEvent::consumed, 5);
  records.push_back(record(LedgerEvent::resident, 5));
  const LedgerBalance result = balance(records);
  CHECK(result.violations == 0);
  CHECK(result.consumed == 4);
  CHECK(result.resident == 1);
}

TEST_CASE("a dropped fragment counts under its reason") {
  auto records = good_run();
  for (const auto event : {LedgerEvent::inserted, LedgerEvent::consumed})
    take_out(records, event, 3);
  for (auto& r : records) {
    if (r.event == LedgerEvent::received && r.sequence == 3) {
      r.event = LedgerEvent::dropped;
      r.reason = kOutOfSpec;
    }
  }
  const LedgerBalance result = balance(records);
  CHECK(result.violations == 0);
  CHECK(result.dropped.at(kOutOfSpec) == 1);
}

TEST_CASE(
    "what died in a killed worker: told of, it counts as the worker's loss; untold, as never "
    "left") {
  auto records = good_run();
  for (const auto event : {LedgerEvent::received, LedgerEvent::inserted, LedgerEvent::consumed}) {
    for (const std::uint64_t sequence : {4U, 5U}) take_out(records, event, sequence);
  }
  std::erase_if(records, [](const auto& r) {
    return r.event == LedgerEvent::closed || r.event == LedgerEvent::ended;
  });
  records.push_back(record(LedgerEvent::ended, 3, 4, kWorkerLost));  // it told of 4, not of 5
  const LedgerBalance result = balance(records);
  CHECK(result.violations == 0);
  CHECK(result.consumed == 3);
  CHECK(result.dropped.at(kWorkerLost) == 1);
  CHECK(result.never_left == 1);
}

TEST_CASE("what a killed receiver held died with it") {
  auto records = good_run();
  for (const auto event : {LedgerEvent::received, LedgerEvent::inserted, LedgerEvent::consumed}) {
    take_out(records, event, 5);
  }
  take_out(records, LedgerEvent::consumed, 4);
  std::erase_if(records, [](const auto& r) {
    return r.event == LedgerEvent::receiver_left || r.event == LedgerEvent::ended;
  });
  const LedgerBalance result = balance(records);
  CHECK(result.violations == 0);
  CHECK(result.died_with_receiver == 1);
  CHECK(result.died_with_replay == 1);
}

TEST_CASE("a fragment lost on the way is noticed") {
  auto records = good_run();
  for (const auto event : {LedgerEvent::received, LedgerEvent::inserted, LedgerEvent::consumed}) {
    take_out(records, event, 5);
  }
  for (auto& r : records) {
    if (r.event == LedgerEvent::ended) r.sequence = r.value = 4;
  }
  CHECK(says(records, "lost: its producer was told that all arrived"));
}

TEST_CASE("a fragment lost between receiver, table and consumer is noticed") {
  for (const auto event : {LedgerEvent::inserted, LedgerEvent::consumed}) {
    auto records = good_run();
    take_out(records, event, 2);
    if (event == LedgerEvent::inserted) take_out(records, LedgerEvent::consumed, 2);
    CHECK(says(records, "lost between receiver and consumer"));
  }
}

TEST_CASE("a fragment received, inserted or consumed twice is noticed") {
  for (const auto event : {LedgerEvent::received, LedgerEvent::inserted, LedgerEvent::consumed}) {
    auto records = good_run();
    records.push_back(record(event, 2, content(2)));
    CHECK(says(records, "twice"));
  }
}

TEST_CASE("a fragment that nobody offered is noticed") {
  auto records = good_run();
  records.insert(records.end() - 3, record(LedgerEvent::received, 6, content(6)));
  CHECK(says(records, "unknown: nobody offered it"));
  records = good_run();
  records.push_back(record(LedgerEvent::inserted, 7));
  CHECK(says(records, "in the table, but never received"));
}

TEST_CASE("a fragment that arrives with another content is noticed") {
  auto records = good_run();
  records[1].value += 1;
  CHECK(says(records, "another content"));
}

TEST_CASE("fragments out of order, and gaps, are noticed") {
  auto records = good_run();
  std::swap(records[1], records[5]);
  CHECK(says(records, "out of order"));
  records = good_run();
  take_out(records, LedgerEvent::offered, 2);
  CHECK(says(records, "offered out of order"));
}

TEST_CASE("a stay without an end, and an end that counts otherwise, are noticed") {
  auto records = good_run();
  std::erase_if(records, [](const auto& r) { return r.event == LedgerEvent::ended; });
  CHECK(says(records, "has no end"));
  records = good_run();
  for (auto& r : records) {
    if (r.event == LedgerEvent::ended) r.sequence = 4;
  }
  CHECK(says(records, "the receiver settled 4 by its count"));
}

TEST_CASE("stays of several workers and runs are kept apart") {
  auto records = good_run();
  for (const auto& original : good_run()) {
    LedgerRecord other = original;
    other.run = 10;
    records.push_back(other);
    if (original.event == LedgerEvent::receiver_left) continue;
    other = original;
    other.worker = 2;
    records.push_back(other);
  }
  const LedgerBalance result = balance(records);
  CHECK(result.violations == 0);
  CHECK(result.stays == 3);
  CHECK(result.consumed == 15);
}

TEST_CASE("what is appended to a file is read again, from several writers") {
  const TemporaryFolder folder;
  const std::array files{folder.path() / "a", folder.path() / "b"};
  {
    LedgerWriter first(files[0]);
    LedgerWriter again(files[0]);
    LedgerWriter second(files[1]);
    for (const LedgerRecord& one : good_run()) {
      LedgerWriter& writer = one.event == LedgerEvent::offered ? second
                             : one.sequence % 2 == 0           ? first
                                                               : again;
      writer.append(one);
    }
  }
  CHECK(read_ledger(files).size() == good_run().size());
  CHECK(balance(read_ledger(files)).violations == 0);
  std::filesystem::resize_file(files[0], 100);
  CHECK_THROWS(read_ledger(files));
}

TEST_SUITE_END();

}  // namespace rl::tests
