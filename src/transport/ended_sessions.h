// The sessions that ended last, to answer those who repeat themselves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace rl::transport {

// Remembers kKept of them in memory that never grows. Threads: one at a time.
class EndedSessions {
 public:
  enum class How : std::uint8_t { left, lost };

  void add(std::uint64_t session, How how) {
    entries_[next_++ % kKept] = {.session = session, .how = how};
  }

  std::optional<How> find(std::uint64_t session) const {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(next_, kKept));
    const auto found = std::ranges::find(entries_.begin(), end, session, &Entry::session);
    return found == end ? std::nullopt : std::optional(found->how);
  }

 private:
  static constexpr std::size_t kKept = 4096;
  struct Entry {
    std::uint64_t session = 0;
    How how = How::left;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(kKept);
  std::size_t next_ = 0;
};

}  // namespace rl::transport
