#include <doctest/doctest.h>

#include "src/transport/gate_accounts.h"

using namespace rl;
using namespace rl::transport;
using namespace std::chrono_literals;

namespace {

constexpr GateBounds kBounds{.per_connection = 1000, .in_all = 4000, .silence = 10s};

// A connection that was let in at the time 0.
void enter(GateAccounts& accounts, std::uint32_t number, const std::string& key) {
  accounts.open(number, 0s);
  REQUIRE(accounts.log_in(number, key, 0s));
}

}  // namespace

TEST_SUITE_BEGIN("transport gate accounts");

TEST_CASE("a key belongs to a connection that came through the gate, once") {
  GateAccounts accounts(kBounds);
  CHECK_FALSE(accounts.log_in(7, "key", 0s));
  accounts.open(7, 0s);
  CHECK(accounts.log_in(7, "key", 0s));
  CHECK_FALSE(accounts.log_in(7, "another", 0s));
  CHECK(accounts.key_of(7) == "key");
}

TEST_CASE("a connection at its bound waits, and goes on when a message came out") {
  GateAccounts accounts(kBounds);
  enter(accounts, 1, "a");
  accounts.handed_in(1, 999, 1s);
  CHECK(accounts.may_hand_in(1));
  accounts.handed_in(1, 1, 1s);
  CHECK_FALSE(accounts.may_hand_in(1));
  CHECK(accounts.came_out(1, 500, 2s));
  CHECK(accounts.may_hand_in(1));
  CHECK_FALSE(accounts.came_out(1, 500, 2s));  // nobody waited
}

TEST_CASE("who is full while the receiver has taken all there is has a message without end") {
  GateAccounts accounts(kBounds);
  enter(accounts, 1, "guilty");
  enter(accounts, 2, "honest");
  accounts.handed_in(1, 1000, 1s);
  accounts.handed_in(2, 900, 1s);
  accounts.all_came_out(1500ms);
  CHECK(accounts.judge(1500ms).empty());  // it may still be on its way
  accounts.all_came_out(2100ms);
  const auto verdicts = accounts.judge(2100ms);
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].number == 1);
  CHECK(verdicts[0].reason == Rejection::unfinished_message);
}

TEST_CASE("nobody is guilty of a receiver that is behind") {
  GateAccounts accounts(kBounds);
  enter(accounts, 1, "a");
  accounts.handed_in(1, 1000, 1s);
  CHECK(accounts.judge(60s).empty());
}

TEST_CASE("unfinished messages of all are bounded: who holds most goes, without a strike") {
  GateAccounts accounts(kBounds);
  for (std::uint32_t i = 0; i < 6; ++i) {
    enter(accounts, i, "key " + std::to_string(i));
    accounts.handed_in(i, 700, 1s);
  }
  enter(accounts, 9, "honest");
  accounts.handed_in(9, 10, 1s);
  CHECK_FALSE(accounts.may_hand_in(9));
  accounts.all_came_out(3s);
  const auto verdicts = accounts.judge(3s);
  CHECK(verdicts.size() == 4);  // 4210 - 4 * 700 is below the half
  for (const auto& verdict : verdicts) {
    CHECK(verdict.reason == Rejection::hoarding);
    CHECK(verdict.number != 9);
    accounts.close(verdict.number);
  }
  CHECK(accounts.may_hand_in(9));
}

TEST_CASE("one key's connections together have half of what there is, and others go on") {
  GateAccounts accounts(kBounds);
  for (std::uint32_t i = 0; i < 4; ++i) {
    enter(accounts, i, "guilty");
    accounts.handed_in(i, 500, 1s);
  }
  enter(accounts, 9, "honest");
  CHECK_FALSE(accounts.may_hand_in(0));
  CHECK(accounts.may_hand_in(9));
  accounts.all_came_out(3s);
  CHECK(accounts.judge(3s).size() == 3);
}

TEST_CASE("one who is in and brings nothing whole for long is closed; heartbeats keep it") {
  GateAccounts accounts(kBounds);
  enter(accounts, 1, "silent");
  enter(accounts, 2, "beats");
  accounts.came_out(2, 70, 9s);
  accounts.all_came_out(11s);
  const auto verdicts = accounts.judge(11s);
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0].number == 1);
  CHECK(verdicts[0].reason == Rejection::silent);
  accounts.open(3, 0s);  // not let in yet: the handshake's deadline is the gate's
  CHECK(accounts.judge(11s).size() == 1);
}

TEST_CASE("all connections of a key that is shut out are closed") {
  GateAccounts accounts(kBounds);
  enter(accounts, 1, "a");
  enter(accounts, 2, "b");
  enter(accounts, 3, "a");
  accounts.shut_out("a");
  const auto verdicts = accounts.judge(1s);
  CHECK(verdicts.size() == 2);
  for (const auto& verdict : verdicts) CHECK(verdict.reason == Rejection::shut_out);
}

TEST_SUITE_END();
