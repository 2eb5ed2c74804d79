// One digest of many pieces of data.
#pragma once

#include <span>
#include <string>

#include "rl/core/bytes.h"
#include "rl/formats/digest.h"

namespace rl {

// The digest of the pieces' digests: unlike that of their bytes laid end to end, it tells where one
// piece ends. Threads: one thread at a time.
class DigestList {
 public:
  void add(std::span<const std::byte> piece) {
    const Digest one = digest(piece);
    digests_.insert(digests_.end(), one.begin(), one.end());
  }
  std::string to_hex() const { return rl::to_hex(digest(digests_)); }

 private:
  Bytes digests_;
};

}  // namespace rl
