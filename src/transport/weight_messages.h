// What the two ends say about weights. Meaning and answers: docs/wire.md.
#pragma once

#include <cstdint>

#include "rl/formats/digest.h"
#include "src/transport/messages.h"

namespace rl::transport {

struct NoticeMessage {
  static constexpr MessageType kType = MessageType::notice;
  std::uint64_t run_id = 0;
  std::uint64_t learner = 0;  // which start of it: versions are made anew after each
  std::uint64_t version = 0;
  std::uint64_t image_bytes = 0;
  std::uint32_t chunk_bytes = 0;
  Digest digest{};  // of the whole image
  template <class Archive>
  void serialize(Archive& archive) {
    archive(run_id, learner, version, image_bytes, chunk_bytes, digest);
  }
};

struct WeightRequestMessage {
  static constexpr MessageType kType = MessageType::weight_request;
  std::uint64_t session = 0;
  std::uint64_t version = 0;
  std::uint32_t chunk = 0;
  std::uint64_t learner = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(session, version, chunk, learner);
  }
};

struct ChunkHeader {  // body: the chunk
  static constexpr MessageType kType = MessageType::weight_chunk;
  std::uint64_t run_id = 0;
  std::uint64_t version = 0;
  std::uint32_t chunk = 0;
  Digest digest{};  // of this chunk
  template <class Archive>
  void serialize(Archive& archive) {
    archive(run_id, version, chunk, digest);
  }
};

}  // namespace rl::transport
