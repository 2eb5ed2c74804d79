// Virtual time: what happens next.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rl/core/clock.h"
#include "src/transport/envelope.h"

namespace rl::transport::simulator {

inline constexpr int kLearner = -1;  // a node's number; workers are 0, 1, ...

enum class EventKind : std::uint8_t {
  message, tick, start, kill, partition, heal, reconnect, stall, clock_jump, none,
};

struct Event {
  Nanoseconds time{};
  std::uint64_t order = 0;  // of those at the same time
  EventKind kind = EventKind::none;
  int node = kLearner;      // whom it happens to
  std::uint64_t life = 0;   // ticks and messages reach only this incarnation, or connection
  std::string from{};       // message
  SharedBytes message{};
};

// The earliest first; equal times in the order they were added. Threads: one at a time.
class EventQueue {
 public:
  void add(Event event) {
    event.order = next_order_++;
    heap_.push_back(std::move(event));
    std::ranges::push_heap(heap_, later);
  }
  Event take() {
    std::ranges::pop_heap(heap_, later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    return event;
  }

 private:
  static bool later(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  }
  std::vector<Event> heap_{};
  std::uint64_t next_order_ = 0;
};

}  // namespace rl::transport::simulator
