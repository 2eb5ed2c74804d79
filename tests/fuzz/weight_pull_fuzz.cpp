// Notices and chunks in any order with any numbers: an image is whole, newer than the one before,
// and what its notice promised.
#include <map>

#include "fuzz/choices.h"
#include "src/transport/weight_pull.h"

namespace {

using namespace rl;
using namespace rl::fuzz;
using namespace rl::transport;

constexpr Limits kLimits{.max_weight_bytes = 4000};

// The image of a version, as an honest learner has it.
Bytes image_of(std::uint64_t version, std::size_t size) {
  Bytes image(size);
  for (std::size_t i = 0; i < size; ++i) image[i] = static_cast<std::byte>(i * 31 + version);
  return image;
}

struct Honest {
  NoticeMessage notice;
  Bytes image;
};

Honest honest_notice(Choices& choices) {
  Honest result;
  result.notice.run_id = choices.below(8) == 0 ? choices.byte() : 1;
  result.notice.learner = choices.below(8) == 0 ? choices.byte() : 5;
  result.notice.version = choices.below(8);
  result.image = image_of(result.notice.version, choices.get<std::uint16_t>() % 5000);
  result.notice.image_bytes = result.image.size();
  result.notice.chunk_bytes = 1024 + choices.byte() * 16U;
  result.notice.digest = digest(result.image);
  return result;
}

void send_chunk(WeightPull& pull, const Honest& from, Choices& choices, Nanoseconds now) {
  ChunkHeader header{.run_id = from.notice.run_id, .version = from.notice.version};
  header.chunk = choices.byte() & 7U;
  const std::size_t begin = std::size_t{header.chunk} * from.notice.chunk_bytes;
  if (begin >= from.image.size()) return pull.on_chunk(header, {}, now);
  Bytes body(from.image.begin() + static_cast<std::ptrdiff_t>(begin),
             from.image.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                      from.image.size(), begin + from.notice.chunk_bytes)));
  header.digest = digest(body);
  switch (choices.below(8)) {
    case 0: body[choices.byte() % body.size()] ^= static_cast<std::byte>(choices.byte()); break;
    case 1: body.resize(choices.byte()); break;
    case 2: header.digest = {}; break;
    default: break;
  }
  pull.on_chunk(header, body, now);
}

}  // namespace

RL_FUZZ_TARGET(weight_pull) {
  Choices choices(input);
  WeightPull pull(kLimits);
  pull.set_learner(1, 5);
  Nanoseconds now{std::chrono::seconds(1)};
  Honest honest;
  std::map<std::uint64_t, std::vector<Digest>> promised;
  std::uint64_t taken = 0;
  while (!choices.done()) {
    switch (choices.below(7)) {
      case 0:
        honest = honest_notice(choices);
        promised[honest.notice.version].push_back(honest.notice.digest);
        pull.on_notice(honest.notice, now);
        break;
      case 1: {
        NoticeMessage notice = choices.get<NoticeMessage>();
        promised[notice.version].push_back(notice.digest);
        pull.on_notice(notice, now);
        break;
      }
      case 2: {
        const auto header = choices.get<ChunkHeader>();
        pull.on_chunk(header, choices.take(choices.get<std::uint16_t>()), now);
        break;
      }
      case 3: pull.forget_requests(); break;
      case 4: now += std::chrono::milliseconds(choices.get<std::uint16_t>()); break;
      case 5:
        for (int i = 0; i < 8 && pull.next_request(now); ++i) {
        }
        break;
      default: send_chunk(pull, honest, choices, now); break;
    }
    require(!pull.next_request(now) || pull.pulling() > pull.newest_version(),
            "only newer weights are asked for");
    const auto complete = pull.take();
    if (!complete) continue;
    require(complete->version > taken, "versions rise");
    taken = complete->version;
    const auto& digests = promised[taken];
    require(std::ranges::find(digests, digest(*complete->image)) != digests.end(),
            "an image is what its notice promised");
  }
}
