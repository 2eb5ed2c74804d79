// A worker whose learner may say anything: nothing it made is forgotten without the learner's word.
#include "fuzz/wire.h"
#include "src/transport/worker_protocol.h"
#include "transport/fixtures.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::transport;

constexpr Limits kLimits{.max_message_bytes = 8192, .max_control_bytes = 1024,
                         .max_weight_bytes = 16384, .weight_chunk_bytes = 1024};

class Learner {
 public:
  explicit Learner(Input input)
      : choices_(input),
        worker_({.batch_bytes = 1024, .limits = kLimits}, small_hello(), kSession) {}

  void run() {
    worker_.join(now_);
    while (!choices_.done()) {
      act();
      check();
    }
  }

 private:
  static constexpr std::uint64_t kSession = 3;
  static constexpr std::size_t kMostControl = 32;  // hello, heartbeat, goodbye, requests for 16 chunks

  void act() {
    switch (choices_.below(11)) {
      case 0: return hear(raw());
      case 1: return hear(chosen_message(choices_));
      case 2: return hear(*encode(welcome(), choices_.take(choices_.byte())));
      case 3: return hear(*encode(AckMessage{session(), choices_.byte(), credit(),
                                             static_cast<std::uint8_t>(choices_.below(2))}));
      case 4: return hear(weights());
      case 5: return hear(*encode(RefusalMessage{session(), choices_.get<std::uint32_t>()}));
      case 6: return hear(closing_word());
      case 7:
        (void)worker_.submit(small_fragment(schema(), 1, 1, 1 + choices_.below(8)), now_);
        return;
      case 8: return worker_.flush();
      case 9:
        now_ += std::chrono::milliseconds(choices_.get<std::uint16_t>());
        return worker_.on_tick(now_);
      default:
        if (choices_.below(8) != 0) return;
        return choices_.below(2) == 0 ? worker_.leave(now_) : worker_.abandon();
    }
  }

  static const std::shared_ptr<const FragmentSchema>& schema() {
    static const auto schema =
        std::make_shared<const FragmentSchema>(make_schema(small_environment()));
    return schema;
  }
  void hear(const Bytes& message) { worker_.on_message(message, now_); }
  Bytes raw() {
    const Input bytes = choices_.take(choices_.byte());
    return Bytes(bytes.begin(), bytes.end());
  }
  std::uint64_t session() { return choices_.below(8) == 0 ? choices_.byte() : kSession; }
  std::uint64_t credit() { return 64U * choices_.get<std::uint16_t>(); }

  WelcomeMessage welcome() {
    return {.session = session(), .run_id = 1, .worker_id = choices_.byte(),
            .slot = choices_.byte(), .num_slots = choices_.byte(),
            .weight_version = choices_.byte(), .received_through = choices_.below(4),
            .credit_limit = credit(), .run_config = choices_.text()};
  }

  Bytes closing_word() {
    switch (choices_.below(3)) {
      case 0: return *encode(StopMessage{session()});
      case 1: return *encode(UnknownSessionMessage{session()});
      default: return *encode(GoodbyeAckMessage{session()});
    }
  }

  Bytes weights() {
    Bytes image(1 + choices_.byte());
    NoticeMessage notice{.run_id = 1, .version = choices_.byte(), .image_bytes = image.size(),
                         .chunk_bytes = 1024, .digest = digest(image)};
    if (choices_.below(4) == 0) notice.image_bytes = choices_.get<std::uint64_t>();
    if (choices_.below(2) == 0) return *encode(notice);
    return *encode(ChunkHeader{.run_id = 1, .version = notice.version, .chunk = choices_.byte(),
                               .digest = notice.digest},
                   image);
  }

  void check() {
    require(worker_.unacknowledged() <= worker_.produced(), "only what was made is kept");
    const std::size_t most = worker_.unacknowledged() + kMostControl;
    for (std::size_t i = 0; worker_.has_outgoing(); ++i) {
      require(i < most, "a step says no more than what is unacknowledged, once, and a few words");
      const auto parsed = parse_message(*worker_.outgoing(), kLimits);
      require(parsed.status == ParseStatus::ok, "what the worker says is well-formed");
      worker_.pop_outgoing();
    }
    require(worker_.weights().newest_version() >= newest_, "versions rise");
    newest_ = worker_.weights().newest_version();
    (void)worker_.weights().take();
  }

  Choices choices_;
  WorkerProtocol worker_;
  Nanoseconds now_{std::chrono::seconds(1)};
  std::uint64_t newest_ = 0;
};

}  // namespace

RL_FUZZ_TARGET(worker_protocol) { Learner(input).run(); }
