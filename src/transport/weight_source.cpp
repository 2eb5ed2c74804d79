#include "src/transport/weight_source.h"

#include <algorithm>

#include "rl/core/error.h"

namespace rl::transport {
namespace {

constexpr std::size_t kSealedChunks = 64;

void check(const WeightSnapshot& snapshot, const Limits& limits) {
  const std::size_t bytes = snapshot.image ? snapshot.image->size() : 0;
  if (bytes == 0 || bytes > limits.max_weight_bytes) {
    throw Error({.where = "LearnerEndpoint::publish",
                 .what = "weight image has the wrong size",
                 .expected = "1 to " + std::to_string(limits.max_weight_bytes) + " bytes",
                 .got = std::to_string(bytes),
                 .remedy = "raise limits.max_weight_bytes on both ends for larger models"});
  }
  if (snapshot.version == 0) {
    throw Error({.where = "LearnerEndpoint::publish",
                 .what = "version 0 is never published",
                 .expected = "1 or more",
                 .got = "0"});
  }
}

}  // namespace

WeightSource::WeightSource(WeightSnapshot snapshot, const Limits& limits, std::uint64_t learner)
    : snapshot_((check(snapshot, limits), std::move(snapshot))),
      chunk_bytes_(limits.weight_chunk_bytes),
      digest_(rl::digest(std::span<const std::byte>(*snapshot_.image))) {
  NoticeMessage notice;
  notice.run_id = snapshot_.run_id;
  notice.learner = learner;
  notice.version = snapshot_.version;
  notice.image_bytes = snapshot_.image->size();
  notice.chunk_bytes = static_cast<std::uint32_t>(chunk_bytes_);
  notice.digest = digest_;
  notice_ = encode(notice);
}

std::uint32_t WeightSource::num_chunks() const {
  return static_cast<std::uint32_t>((snapshot_.image->size() + chunk_bytes_ - 1) / chunk_bytes_);
}

SharedBytes WeightSource::chunk(std::uint32_t index) {
  for (const auto& [key, message] : sealed_) {
    if (key == index) return message;
  }
  const std::span<const std::byte> image(*snapshot_.image);
  const std::size_t begin = index * chunk_bytes_;
  const auto part = image.subspan(begin, std::min(chunk_bytes_, image.size() - begin));
  ChunkHeader header;
  header.run_id = snapshot_.run_id;
  header.version = snapshot_.version;
  header.chunk = index;
  header.digest = num_chunks() == 1 ? digest_ : digest(part);
  sealed_.emplace_back(index, encode(header, part));
  if (sealed_.size() > kSealedChunks) sealed_.pop_front();
  return sealed_.back().second;
}

}  // namespace rl::transport
