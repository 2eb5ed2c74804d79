#include "src/transport/weight_pull.h"

#include <algorithm>
#include <cstring>

namespace rl::transport {
namespace {

constexpr std::size_t kWindow = 4;              // requests under way
constexpr std::uint32_t kMinChunkBytes = 1024;  // bounds the chunks per image
constexpr Nanoseconds kRepeatAfter = std::chrono::milliseconds(500);

}  // namespace

void WeightPull::on_notice(const NoticeMessage& notice, Nanoseconds now) {
  if (notice.run_id != run_id_ || notice.learner != learner_) {
    ++counters_.foreign_run;
  } else if (notice.version <= newest_) {
    ++counters_.not_newer;
  } else if (notice.version > notice_.version && notice.image_bytes > 0 &&
             notice.image_bytes <= limits_.max_weight_bytes &&
             notice.chunk_bytes >= kMinChunkBytes) {
    if (notice.version < newer_.version) return;  // late
    const bool comes_at_once = notice.image_bytes <= notice.chunk_bytes;
    if (notice_.version != 0 && !comes_at_once && notice.version > newer_.version) {
      newer_ = notice;
      return;
    }
    if (notice_.version != 0) ++counters_.abandoned;
    start(notice, now);
  }
}

void WeightPull::start(const NoticeMessage& notice, Nanoseconds now) {
  notice_ = notice;
  newer_ = {};
  const std::uint64_t chunks = (notice.image_bytes - 1) / notice.chunk_bytes + 1;
  image_.assign(notice.image_bytes, std::byte{0});
  have_.assign(chunks, false);
  num_have_ = 0;
  next_chunk_ = 0;
  asked_.clear();
  if (chunks == 1) {  // travels right behind its notice
    asked_.emplace(0, now);
    next_chunk_ = 1;
  }
}

void WeightPull::on_chunk(const ChunkHeader& header, std::span<const std::byte> body,
                          Nanoseconds now) {
  if (header.run_id != run_id_) {
    ++counters_.foreign_run;
    return;
  }
  if (header.version != notice_.version || header.chunk >= num_chunks() || have_[header.chunk]) {
    return;
  }
  const std::size_t begin = std::size_t{header.chunk} * notice_.chunk_bytes;
  const std::size_t size = std::min<std::size_t>(notice_.chunk_bytes, image_.size() - begin);
  const Digest& expected = num_chunks() == 1 ? notice_.digest : header.digest;
  if (body.size() != size || digest(body) != expected) {
    ++counters_.wrong_digest;
    asked_[header.chunk] = now;  // asked for again when the answer is overdue
    return;
  }
  std::memcpy(image_.data() + begin, body.data(), size);
  have_[header.chunk] = true;
  asked_.erase(header.chunk);
  if (++num_have_ == num_chunks()) finish(now);
}

void WeightPull::finish(Nanoseconds now) {
  if (num_chunks() > 1 && digest(image_) != notice_.digest) {
    ++counters_.wrong_digest;
  } else {
    newest_ = notice_.version;
    complete_ = WeightSnapshot{run_id_, newest_, std::make_shared<const Bytes>(std::move(image_))};
  }
  notice_ = {};  // after a wrong digest, the next notice starts the pull again
  image_ = {};
  have_.clear();
  asked_.clear();
  if (newer_.version > newest_) start(NoticeMessage(newer_), now);
}

std::optional<std::uint32_t> WeightPull::next_request(Nanoseconds now) {
  if (notice_.version == 0) return std::nullopt;
  for (auto& [chunk, when] : asked_) {
    if (now - when < kRepeatAfter) continue;
    when = now;
    return chunk;
  }
  while (next_chunk_ < num_chunks() && have_[next_chunk_]) ++next_chunk_;
  if (asked_.size() >= kWindow || next_chunk_ == num_chunks()) {
    if (!asked_.empty() || num_have_ == num_chunks()) return std::nullopt;
    const auto missing = std::find(have_.begin(), have_.end(), false);
    next_chunk_ = static_cast<std::uint32_t>(missing - have_.begin());
  }
  asked_[next_chunk_] = now;
  return next_chunk_++;
}

Nanoseconds WeightPull::next_repeat() const {
  if (notice_.version == 0) return Nanoseconds::max();
  Nanoseconds oldest = Nanoseconds::max();
  for (const auto& [chunk, when] : asked_) oldest = std::min(oldest, when);
  return asked_.empty() ? Nanoseconds{} : oldest + kRepeatAfter;
}

std::optional<WeightSnapshot> WeightPull::take() {
  std::optional<WeightSnapshot> result;
  result.swap(complete_);
  return result;
}

}  // namespace rl::transport
