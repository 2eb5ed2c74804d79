// A Channel in one process's memory: no socket, no thread, nothing lost.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "src/transport/channel.h"

namespace rl::transport {

// The place where ends meet; outlives none of them, because each holds a share.
class MemoryNetwork : public std::enable_shared_from_this<MemoryNetwork> {
 public:
  std::unique_ptr<Channel> bind();
  std::unique_ptr<Channel> connect();

 private:
  friend class MemoryChannel;
  struct Letter {
    std::string peer;
    SharedBytes message;
  };
  struct Box {
    std::deque<Letter> letters{};
    bool woken = false;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Box> boxes_;  // by address; "" is the learner's
  int next_ = 1;
};

class MemoryChannel final : public Channel {
 public:
  MemoryChannel(std::shared_ptr<MemoryNetwork> network, std::string name)
      : network_(std::move(network)), name_(std::move(name)) {
    const std::lock_guard lock(network_->mutex_);
    network_->boxes_[name_];
  }
  ~MemoryChannel() override {
    const std::lock_guard lock(network_->mutex_);
    network_->boxes_.erase(name_);
  }

  Sent send(std::string_view peer, const SharedBytes& message) override {
    const std::lock_guard lock(network_->mutex_);
    const auto box = network_->boxes_.find(std::string(peer));
    if (box == network_->boxes_.end()) return Sent::gone;
    box->second.letters.push_back({name_, message});
    network_->changed_.notify_all();
    return Sent::yes;
  }
  bool receive(const std::function<void(const Incoming&)>& handle) override {
    MemoryNetwork::Letter letter;
    {
      const std::lock_guard lock(network_->mutex_);
      auto& letters = network_->boxes_[name_].letters;
      if (letters.empty()) return false;
      letter = std::move(letters.front());
      letters.pop_front();
    }
    handle({.peer = letter.peer, .user = {}, .message = *letter.message});
    return true;
  }
  void wait(std::chrono::milliseconds timeout, bool to_send) override {
    std::unique_lock lock(network_->mutex_);
    MemoryNetwork::Box& box = network_->boxes_[name_];
    network_->changed_.wait_for(lock, timeout,
                                [&] { return to_send || box.woken || !box.letters.empty(); });
    box.woken = false;
  }
  void wake() override {
    const std::lock_guard lock(network_->mutex_);
    network_->boxes_[name_].woken = true;
    network_->changed_.notify_all();
  }
  std::string address() const override { return "memory"; }

 private:
  std::shared_ptr<MemoryNetwork> network_;
  std::string name_;
};

inline std::unique_ptr<Channel> MemoryNetwork::bind() {
  return std::make_unique<MemoryChannel>(shared_from_this(), "");
}

inline std::unique_ptr<Channel> MemoryNetwork::connect() {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    name = "worker-" + std::to_string(next_++);
  }
  return std::make_unique<MemoryChannel>(shared_from_this(), name);
}

}  // namespace rl::transport
