// A learner among peers who may say anything: its books balance after every message.
#include "fuzz/wire.h"
#include "src/transport/learner_protocol.h"
#include "transport/fixtures.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::transport;

LearnerOptions small_options() {
  LearnerOptions options;
  options.credit_bytes = 4096;
  options.limits = {.max_message_bytes = 8192, .max_control_bytes = 1024,
                    .max_fragments_per_message = 8, .weight_chunk_bytes = 1024, .strikes = 1000};
  return options;
}

class Peers {
 public:
  explicit Peers(Input input)
      : choices_(input), manifest_(small_manifest(2)), learner_(small_options(), manifest_, 0) {}

  void run() {
    while (!choices_.done()) {
      act();
      check();
    }
  }

 private:
  void act() {
    switch (choices_.below(10)) {
      case 0: return say(raw());
      case 1: return say(chosen_message(choices_));
      case 2: return say(hello());
      case 3:
      case 4: return say(experience());
      case 5: return say(*encode(HeartbeatMessage{session(), choices_.byte(), choices_.byte(),
                                                  choices_.byte()}));
      case 6: return say(*encode(GoodbyeMessage{session(), choices_.byte(),
                                                static_cast<std::uint8_t>(choices_.below(2))}));
      case 7: return say(*encode(WeightRequestMessage{session(), version_,
                                                      choices_.get<std::uint32_t>() % 4}));
      case 8: return advance();
      default: return own_business();
    }
  }

  void say(const Bytes& message) {
    const std::size_t peer = choices_.below(3);
    const std::string user = choices_.below(4) == 0 ? "key" : "";
    learner_.on_message("peer" + std::to_string(peer), user, message, now_);
  }
  std::uint64_t session() { return choices_.below(5); }

  Bytes raw() {
    const Input bytes = choices_.take(choices_.byte());
    return Bytes(bytes.begin(), bytes.end());
  }

  Bytes hello() {
    HelloMessage message{.session = session(),
                         .rejoin = static_cast<std::uint8_t>(choices_.below(8) == 0),
                         .run_id = choices_.below(8) == 0 ? 5U : 77U,
                         .spec_digest = choices_.below(8) == 0 ? 5U : 0U,
                         .wanted_slot = static_cast<std::int8_t>(choices_.byte()),
                         .worker_name = choices_.text()};
    return *encode(message);
  }

  Bytes experience() {
    ExperienceHeader header{.session = session(), .produced = choices_.byte(),
                            .first_sequence = choices_.byte()};
    std::vector<FragmentPtr> fragments;
    std::vector<Block> blocks;
    for (std::size_t i = choices_.below(4); i > 0; --i) {
      fragments.push_back(small_fragment(manifest_.schema, 0, i, 1 + choices_.below(4)));
      blocks.push_back(fragments.back()->block());
    }
    if (choices_.below(4) == 0) blocks.push_back(choices_.take(choices_.byte()));
    return encode_experience(header, blocks);
  }

  void advance() {
    now_ += std::chrono::milliseconds(choices_.get<std::uint16_t>());
    learner_.on_tick(now_);
  }

  void own_business() {
    switch (choices_.below(4)) {
      case 0:
        learner_.publish(std::make_unique<WeightSource>(
                             small_weights(++version_, 500 + choices_.byte() * 16U),
                             small_options().limits, learner_.number()),
                         now_);
        return;
      case 1: return learner_.fragment_taken(choices_.below(6), choices_.byte());
      case 2:
        if (choices_.below(8) == 0) learner_.stop();
        return;
      default:
        answers([&] { learner_.set_assignment(choices_.byte(), Bytes(choices_.byte())); });
        return;
    }
  }

  void check() {
    const LearnerOutput output = learner_.take_output();
    delivered_ += output.fragments.size();
    for (const auto& [peer, message] : output.messages) {
      const auto parsed = parse_message(*message, small_options().limits);
      require(parsed.status == ParseStatus::ok, "what the learner says is well-formed");
    }
    const TransportCounters counters = learner_.counters();
    std::uint64_t settled = counters.fragments_received;
    for (std::size_t reason = 0; reason < counters.dropped.size(); ++reason) {
      if (static_cast<DropReason>(reason) != DropReason::duplicate) {
        settled += counters.dropped[reason];
      }
    }
    require(settled <= counters.produced, "nothing is settled that was not produced");
    require(learner_.num_sessions() > 0 || settled == counters.produced,
            "with nobody in, all that was produced is received or dropped");
    require(counters.fragments_received == delivered_, "what is received is handed on, once");
    require(learner_.num_sessions() <= manifest_.num_slots, "one session per slot");
    require(learner_.workers().size() == learner_.num_sessions(), "every session is shown");
  }

  Choices choices_;
  RunManifest manifest_;
  LearnerProtocol learner_;
  Nanoseconds now_{std::chrono::seconds(1)};
  std::uint64_t version_ = 0;
  std::uint64_t delivered_ = 0;
};

}  // namespace

RL_FUZZ_TARGET(learner_protocol) { Peers(input).run(); }
