#include <doctest/doctest.h>

#include <limits>

#include "src/transport/worker_protocol.h"
#include "tests/transport/learner_fixture.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

TEST_SUITE_BEGIN("transport learner protocol");

TEST_CASE("a hello is welcomed into a free slot, the wanted one if it can be") {
  Learner learner(3);
  CHECK(find<WelcomeMessage>(learner.join(1))->slot == 0);
  HelloMessage hello = Learner::hello(2);
  hello.wanted_slot = 2;
  CHECK(find<WelcomeMessage>(learner.say("peer2", hello))->slot == 2);
  hello.session = 3;
  CHECK(find<WelcomeMessage>(learner.say("peer3", hello))->slot == 1);
  REQUIRE(learner.events.size() == 3);
  CHECK(learner.events[0].kind == WorkerEventKind::joined);
  CHECK(learner.events[0].worker_name == "bob");
}

TEST_CASE("a repeated hello gets the same welcome and takes no second slot") {
  Learner learner;
  const auto first = find<WelcomeMessage>(learner.join(1));
  const auto again = find<WelcomeMessage>(learner.join(1));
  REQUIRE(again);
  CHECK(again->worker_id == first->worker_id);
  CHECK(learner.protocol.num_sessions() == 1);
}

TEST_CASE("when all slots are taken the refusal says so and when to come back") {
  Learner learner(1);
  learner.join(1);
  const auto refusal = find<RefusalMessage>(learner.join(2));
  REQUIRE(refusal);
  CHECK(refusal->session == 2);
  CHECK(refusal->what == "all 1 slots are taken");
  CHECK(refusal->retry_after_ms > 0);
  learner.now += std::chrono::seconds(30);
  learner.protocol.on_tick(learner.now);
  CHECK(find<WelcomeMessage>(learner.join(2)));  // the first was silent for too long
}

TEST_CASE("a worker whose connection is gone keeps its slot until somebody asks for it") {
  Learner learner(1);
  learner.join(1);
  learner.send(1, 1, {learner.fragment(0)});
  learner.protocol.on_gone(Learner::name(1));
  learner.say(Learner::name(1), HeartbeatMessage{.session = 1, .produced = 4});  // it was alive
  CHECK(find<RefusalMessage>(learner.join(2)));
  learner.protocol.on_gone("somebody else");
  CHECK(find<RefusalMessage>(learner.join(2)));
  CHECK(learner.protocol.num_sessions() == 1);
  learner.protocol.on_gone(Learner::name(1));
  learner.events.clear();
  const auto welcome = find<WelcomeMessage>(learner.join(2));
  REQUIRE(welcome);
  CHECK(welcome->slot == 0);
  CHECK(learner.dropped(DropReason::worker_lost) == 3);
  REQUIRE(learner.events.size() == 2);
  CHECK(learner.events[0].kind == WorkerEventKind::lost);
  CHECK(learner.events[0].settled == 1);
  CHECK(learner.events[0].produced == 4);
  CHECK(learner.events[0].missing == DropReason::worker_lost);
  CHECK(learner.events[1].kind == WorkerEventKind::joined);
  HelloMessage again = Learner::hello(1);
  again.rejoin = 1;
  CHECK(find<RefusalMessage>(learner.say("elsewhere", again))->retry_after_ms == 0);
}

TEST_CASE("a newcomer gets the slot of the worker it replaces, before any other") {
  Learner learner(3);
  for (const std::uint64_t session : {1U, 2U}) learner.join(session);
  learner.protocol.on_gone(Learner::name(2));
  HelloMessage hello = Learner::hello(3);
  hello.wanted_slot = 1;
  CHECK(find<WelcomeMessage>(learner.say("peer3", hello))->slot == 1);
  CHECK(find<WelcomeMessage>(learner.join(4))->slot == 2);  // the free one
}

TEST_CASE("a worker that comes back over another connection has its slot still") {
  Learner learner(1);
  learner.join(1);
  learner.protocol.on_gone(Learner::name(1));
  HelloMessage again = Learner::hello(1);
  again.rejoin = 1;
  CHECK(find<WelcomeMessage>(learner.say("elsewhere", again))->slot == 0);
  CHECK(find<RefusalMessage>(learner.join(2)));
}

TEST_CASE("one who waits for a slot makes the learner look who is still connected, once a second") {
  Learner learner(2);
  learner.join(1);
  learner.join(2);
  learner.now += milliseconds(60);
  learner.say(Learner::name(2), HeartbeatMessage{.session = 2});
  const auto first = learner.join(3);
  CHECK(find<AckMessage>(first)->session == 1);  // the silent one is asked
  CHECK(first.size() == 2);
  CHECK(find<RefusalMessage>(first)->retry_after_ms == 10);
  learner.now += milliseconds(40);
  const auto second = learner.join(3);
  CHECK_FALSE(find<AckMessage>(second));
  CHECK(find<RefusalMessage>(second)->retry_after_ms == 500);
  learner.now += milliseconds(1000);
  CHECK(find<AckMessage>(learner.join(3)));
}

TEST_CASE("a foreign run and a foreign environment are refused with both sides shown") {
  Learner learner;
  HelloMessage hello = Learner::hello(1);
  hello.run_id = 78;
  auto refusal = find<RefusalMessage>(learner.say("peer1", hello));
  REQUIRE(refusal);
  CHECK(refusal->expected.find("run 77") != std::string::npos);
  CHECK(refusal->got.find("run 78") != std::string::npos);
  CHECK(refusal->retry_after_ms == 0);

  hello = Learner::hello(1);
  hello.spec_digest = 1;
  hello.spec_text = "Other-v0";
  refusal = find<RefusalMessage>(learner.say("peer1", hello));
  REQUIRE(refusal);
  CHECK(refusal->expected.find("Small-v0") != std::string::npos);
  CHECK(refusal->got.find("Other-v0") != std::string::npos);
  CHECK(learner.protocol.counters().hellos_refused == 2);
  CHECK(learner.protocol.num_sessions() == 0);
}

TEST_CASE("another protocol version is refused with both numbers, without a strike") {
  Learner learner(2, {.limits = {.strikes = 1}});
  Bytes message = *encode(Learner::hello(1));
  message[4] = std::byte{9};
  const auto refusal = find<RefusalMessage>(learner.say_bytes("peer1", message));
  REQUIRE(refusal);
  CHECK(refusal->expected == "version " + std::to_string(kProtocolVersion) + " (the learner)");
  CHECK(refusal->got == "version 9 (the worker)");
  CHECK(find<WelcomeMessage>(learner.join(1)));
}

TEST_CASE("messages of an unknown session, or from another place, ask for a hello first") {
  Learner learner;
  CHECK(find<UnknownSessionMessage>(learner.say("peer1", HeartbeatMessage{.session = 1})));
  learner.join(1);
  CHECK(find<UnknownSessionMessage>(learner.say("elsewhere", HeartbeatMessage{.session = 1})));
  CHECK(find<AckMessage>(learner.say("peer1", HeartbeatMessage{.session = 1})));
  learner.say("elsewhere", Learner::hello(1));  // the connection is a new one
  CHECK(find<AckMessage>(learner.say("elsewhere", HeartbeatMessage{.session = 1})));
}

TEST_CASE("another key may not take over a session") {
  Learner learner;
  learner.join(1, "key-a");
  const auto refusal =
      find<RefusalMessage>(learner.say_bytes("peer9", *encode(Learner::hello(1)), "key-b"));
  CHECK(refusal);
  CHECK(find<AckMessage>(
      learner.say_bytes("peer1", *encode(HeartbeatMessage{.session = 1}), "key-a")));
}

TEST_CASE("a session of before the learner's restart is told to connect anew") {
  Learner learner;
  HelloMessage hello = Learner::hello(1);
  hello.rejoin = 1;
  const auto refusal = find<RefusalMessage>(learner.say("peer1", hello));
  REQUIRE(refusal);
  CHECK(refusal->retry_after_ms == 0);
  CHECK(refusal->remedy.find("connect anew") != std::string::npos);
}

TEST_CASE("what a worker says to the learner of before the restart is not heard by the next") {
  Learner learner;
  learner.join(1);  // an old hello, which a restarted learner cannot tell from a new one
  ExperienceHeader header{.session = 1, .produced = 1, .first_sequence = 1, .learner = 99};
  const FragmentPtr fragment = learner.fragment(0);
  const std::vector<Block> blocks{fragment->block()};
  CHECK(find<UnknownSessionMessage>(learner.say_bytes("peer1", encode_experience(header, blocks))));
  CHECK(find<UnknownSessionMessage>(
      learner.say("peer1", HeartbeatMessage{.session = 1, .produced = 1, .learner = 99})));
  CHECK(learner.fragments.empty());
  CHECK(learner.protocol.counters().produced == 0);
}

TEST_CASE("a worker that a restarted learner lets in by an old hello starts over") {
  WorkerProtocol worker({}, small_hello(), 5);
  worker.join(kStart);
  worker.on_message(*encode(WelcomeMessage{.session = 5, .credit_limit = 4096, .learner = 1}),
                    kStart);
  REQUIRE(worker.state() == WorkerState::joined);
  worker.on_message(*encode(WelcomeMessage{.session = 5, .credit_limit = 4096, .learner = 1}),
                    kStart);
  CHECK(worker.state() == WorkerState::joined);
  worker.on_message(*encode(WelcomeMessage{.session = 5, .credit_limit = 4096, .learner = 2}),
                    kStart);
  CHECK(worker.state() == WorkerState::refused);
  CHECK(worker.refusal()->what == "the learner was restarted");
}

TEST_CASE("fragments are acknowledged cumulatively, duplicates dropped, gaps reported") {
  Learner learner;
  learner.join(1);
  auto ack = find<AckMessage>(learner.send(1, 1, {learner.fragment(0), learner.fragment(1)}));
  REQUIRE(ack);
  CHECK(ack->received_through == 2);
  ack = find<AckMessage>(learner.send(1, 2, {learner.fragment(1), learner.fragment(2)}));
  CHECK(ack->received_through == 3);
  CHECK(learner.dropped(DropReason::duplicate) == 1);
  ack = find<AckMessage>(learner.send(1, 5, {learner.fragment(4)}));
  CHECK(ack->received_through == 3);
  CHECK(ack->gap == 1);
  REQUIRE(learner.fragments.size() == 3);
  CHECK(learner.fragments[2].fragment->header().sequence == 2);
}

TEST_CASE("what a worker sends beyond its credit is dropped, counted, and ends its session") {
  LearnerOptions options;
  options.limits.max_message_bytes = 4096;
  options.limits.max_control_bytes = 1024;
  options.limits.weight_chunk_bytes = 1024;
  options.credit_bytes = 4096;
  Learner learner(2, options);
  const auto welcome = find<WelcomeMessage>(learner.join(1));
  CHECK(welcome->credit_limit == 4096);
  const std::size_t bytes = learner.fragment(0)->block().size();
  const std::uint64_t most = 4096 / bytes;
  for (std::uint64_t i = 0; i < most; ++i) learner.send(1, i + 1, {learner.fragment(i)});
  CHECK(learner.fragments.size() == most);

  // Taking a fragment out of the inbox returns exactly its bytes.
  learner.protocol.fragment_taken(welcome->worker_id, bytes);
  CHECK(find<AckMessage>(learner.collect())->credit_limit == 4096 + bytes);
  learner.send(1, most + 1, {learner.fragment(most)});

  const auto answers = learner.send(1, most + 2, {learner.fragment(most + 1)});
  CHECK(learner.fragments.size() == most + 1);
  CHECK(learner.dropped(DropReason::over_credit) == 1);
  CHECK(find<UnknownSessionMessage>(answers));
  CHECK(learner.protocol.num_sessions() == 0);
  REQUIRE(learner.refused.size() == 1);
  CHECK(learner.refused[0].reason == DropReason::over_credit);
  CHECK(learner.refused[0].header.sequence == most + 1);
  CHECK(find<WelcomeMessage>(learner.join(2)));
}

TEST_CASE(
    "values out of spec are acknowledged, dropped, counted, named and handed over as refused") {
  Learner learner;
  learner.join(1);
  Fragment bad(learner.manifest.schema, 2, 5);
  bad.header().environment = 3;
  bad.header().sequence = 9;
  bad.header().round = 4;
  bad.header().ends_round = 1;
  bad.continuation()[4] = std::byte{7};
  bad.column<float>(0)[5] = std::numeric_limits<float>::quiet_NaN();
  const std::size_t bytes = bad.block().size();
  const auto ack = find<AckMessage>(
      learner.send(1, 1, {std::make_shared<const Fragment>(std::move(bad)), learner.fragment(1)}));
  CHECK(ack->received_through == 2);
  CHECK(learner.fragments.size() == 1);
  CHECK(learner.dropped(DropReason::out_of_spec) == 1);
  CHECK(learner.events.back().kind == WorkerEventKind::misbehaved);
  CHECK(learner.events.back().reason.find("observation.state") != std::string::npos);
  // No inbox will ever hand its credit back, so it came back at once.
  CHECK(ack->credit_limit == LearnerOptions{}.credit_bytes + bytes);

  REQUIRE(learner.refused.size() == 1);
  const RefusedFragment& refused = learner.refused[0];
  CHECK(refused.reason == DropReason::out_of_spec);
  CHECK(refused.header.environment == 3);
  CHECK(refused.header.sequence == 9);
  CHECK(refused.header.round == 4);
  CHECK(refused.header.ends_round == 1);
  CHECK(refused.continuation == Bytes{{}, {}, {}, {}, std::byte{7}});
  CHECK(refused.defect.find("observation.state[1]") != std::string::npos);
  CHECK(refused.worker_id == 1);
}

TEST_CASE(
    "a block that is no fragment ends its session: somebody has to make its fragments again") {
  const Learner fresh;
  const auto fragment = fresh.fragment(2);
  const Bytes whole(fragment->block().begin(), fragment->block().end());
  Bytes other_schema = whole;
  other_schema[0] ^= std::byte{1};
  struct Case {
    Block block;
    bool has_header;
  };
  for (const auto& [block, has_header] :
       {Case{std::span(whole).first(whole.size() - 64), true},
        Case{std::span(whole).first(100), false}, Case{other_schema, false}}) {
    Learner learner;
    learner.join(1);
    learner.send(1, 1, {learner.fragment(0)});
    const ExperienceHeader header{.session = 1, .produced = 5, .first_sequence = 2};
    const auto answers = learner.say_bytes("peer1", encode_experience(header, {{block}}));
    CHECK(find<UnknownSessionMessage>(answers));
    CHECK(learner.dropped(DropReason::malformed) == 1);
    CHECK(learner.dropped(DropReason::worker_lost) == 3);  // 3 to 5 will not be taken any more
    CHECK(learner.protocol.num_sessions() == 0);
    CHECK(learner.events.back().kind == WorkerEventKind::lost);
    CHECK(learner.refused.size() == (has_header ? 1 : 0));
    HelloMessage hello = Learner::hello(1);
    hello.rejoin = 1;
    CHECK(find<RefusalMessage>(learner.say("peer1", hello)));
    CHECK(find<WelcomeMessage>(learner.join(2)));
  }
}

TEST_CASE("events about one worker come once a second at most, counters count all") {
  Learner learner;
  learner.join(1);
  learner.events.clear();
  for (std::uint64_t i = 1; i <= 50; ++i) {
    Fragment bad(learner.manifest.schema, 1);
    bad.column<float>(0)[0] = 1e6F;
    learner.send(1, i, {std::make_shared<const Fragment>(std::move(bad))});
  }
  CHECK(learner.dropped(DropReason::out_of_spec) == 50);
  CHECK(learner.events.size() == 1);
}

TEST_CASE("malformed messages are strikes, and the last one allowed is a ban") {
  Learner learner;
  learner.join(1);
  learner.join(2);
  learner.events.clear();
  const Bytes garbage(50, std::byte{0x5A});
  learner.say_bytes("peer1", garbage);
  learner.say_bytes("peer1", garbage);
  CHECK(find<AckMessage>(learner.say("peer1", HeartbeatMessage{.session = 1})));
  learner.say_bytes("peer1", garbage);
  CHECK(learner.say("peer1", HeartbeatMessage{.session = 1}).empty());
  CHECK(learner.join(1).empty());
  CHECK(learner.protocol.num_sessions() == 1);
  CHECK(learner.events.back().kind == WorkerEventKind::lost);
  CHECK(find<AckMessage>(learner.say("peer2", HeartbeatMessage{.session = 2})));
}

TEST_CASE("with keys a ban follows the key to its next connection") {
  Learner learner(2, {.limits = {.strikes = 1}});
  learner.join(1, "key-a");
  learner.say_bytes("peer1", Bytes(3), "key-a");
  CHECK(learner.protocol.is_banned("key-a"));
  CHECK(learner.say_bytes("new connection", *encode(Learner::hello(5)), "key-a").empty());
  CHECK_FALSE(learner.say_bytes("another", *encode(Learner::hello(6)), "key-b").empty());
}

TEST_CASE("impossible sequence numbers are strikes and change no ledger") {
  Learner learner(2, {.limits = {.strikes = 100}});
  learner.join(1);
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  const auto fragment = learner.fragment(0);
  const std::vector<Block> blocks{fragment->block()};
  const auto try_header = [&](std::uint64_t first, std::uint64_t produced) {
    const ExperienceHeader header{.session = 1, .produced = produced, .first_sequence = first};
    learner.say_bytes("peer1", encode_experience(header, blocks));
  };
  try_header(0, 1);
  try_header(huge, huge);
  try_header(2, 1);
  try_header(1, huge);
  learner.say("peer1", HeartbeatMessage{.session = 1, .produced = huge});
  learner.say("peer1", GoodbyeMessage{.session = 1, .produced = huge});
  CHECK(learner.fragments.empty());
  CHECK(learner.protocol.counters().produced == 0);
  CHECK(learner.protocol.num_sessions() == 1);
}

TEST_CASE("a silent worker is lost, and what it produced but never sent is counted") {
  Learner learner;
  learner.join(1);
  learner.send(1, 1, {learner.fragment(0)});
  learner.say("peer1", HeartbeatMessage{.session = 1, .produced = 5, .steps = 12});
  CHECK(learner.protocol.workers().at(0).steps == 12);
  learner.now += std::chrono::seconds(10);
  learner.protocol.on_tick(learner.now);
  CHECK(learner.protocol.num_sessions() == 1);
  learner.now += milliseconds(1);
  learner.protocol.on_tick(learner.now);
  learner.collect();
  CHECK(learner.protocol.num_sessions() == 0);
  CHECK(learner.dropped(DropReason::worker_lost) == 4);
  CHECK(learner.events.back().kind == WorkerEventKind::lost);
  const auto counters = learner.protocol.counters();
  CHECK(counters.produced == 5);
}

TEST_CASE("goodbye is answered only when everything arrived, and again when it is repeated") {
  Learner learner;
  learner.join(1);
  learner.send(1, 1, {learner.fragment(0)});
  const GoodbyeMessage goodbye{.session = 1, .produced = 2};
  auto answers = learner.say("peer1", goodbye);
  CHECK_FALSE(find<GoodbyeAckMessage>(answers));
  CHECK(find<AckMessage>(answers)->gap == 1);
  learner.send(1, 2, {learner.fragment(1)});
  CHECK(find<GoodbyeAckMessage>(learner.say("peer1", goodbye)));
  CHECK(find<GoodbyeAckMessage>(learner.say("peer1", goodbye)));
  CHECK(learner.events.back().kind == WorkerEventKind::left);
  CHECK(find<RefusalMessage>(learner.join(1)));  // a late copy of its hello makes no ghost
}

TEST_CASE("an abandoned session counts its unacknowledged fragments as shutdown drops") {
  Learner learner;
  learner.join(1);
  learner.say("peer1", GoodbyeMessage{.session = 1, .produced = 3, .abandon = 1});
  CHECK(learner.dropped(DropReason::shutdown) == 3);
  CHECK(learner.protocol.num_sessions() == 0);
}

TEST_CASE("an assignment is told at the limit and refused one byte past it") {
  Learner learner;
  const Limits limits;
  const std::size_t most = limits.max_message_bytes - limits.max_control_bytes - kEnvelopeBytes;
  learner.protocol.set_assignment(0, Bytes(most));
  const auto welcome = learner.join(1);
  CHECK(find<WelcomeMessage>(welcome));
  CHECK_THROWS_AS(learner.protocol.set_assignment(0, Bytes(most + 1)), Error);
  CHECK_THROWS_AS(learner.protocol.set_assignment(2, {}), Error);
}

TEST_CASE("after stop() workers hear it, again with every heartbeat, and newcomers are refused") {
  Learner learner;
  learner.join(1);
  learner.protocol.stop();
  CHECK(find<StopMessage>(learner.collect()));
  CHECK(find<StopMessage>(learner.say("peer1", HeartbeatMessage{.session = 1})));
  CHECK(find<RefusalMessage>(learner.join(2))->what == "the run is ending");
}

TEST_CASE("after stop() nobody is waited for whose connection is gone") {
  Learner learner;
  learner.join(1);
  learner.join(2);
  learner.protocol.on_gone(Learner::name(1));
  learner.now += milliseconds(600);
  learner.protocol.on_tick(learner.now);
  CHECK(learner.protocol.num_sessions() == 2);
  learner.protocol.stop();
  learner.protocol.on_tick(learner.now);
  CHECK(learner.protocol.num_sessions() == 1);
  CHECK(find<GoodbyeAckMessage>(learner.say(Learner::name(2), GoodbyeMessage{.session = 2})));
  CHECK(learner.protocol.num_sessions() == 0);
}

TEST_CASE("after stop() those who are silent are told again, twice a second") {
  Learner learner;
  learner.join(1);
  learner.protocol.stop();
  CHECK(find<StopMessage>(learner.collect()));
  int told = 0;
  for (int i = 0; i < 40; ++i) {
    learner.now += milliseconds(50);
    learner.protocol.on_tick(learner.now);
    told += find<StopMessage>(learner.collect()) ? 1 : 0;
  }
  CHECK(told == 3);
}

TEST_CASE("names are cleaned before they reach a log") {
  Learner learner;
  HelloMessage hello = Learner::hello(1);
  hello.worker_name = "evil\x1b[2J\n" + std::string(500, 'x');
  learner.say("peer1", hello);
  const std::string& name = learner.events.back().worker_name;
  CHECK(name.size() == 128);
  CHECK(name.starts_with("evil?[2J?"));
}

TEST_SUITE_END();
