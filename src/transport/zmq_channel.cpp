#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <zmq.hpp>

#include "rl/core/error.h"
#include "src/transport/address.h"
#include "src/transport/channel.h"
#include "src/transport/gate.h"
#include "src/transport/tcp_socket.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace rl::transport {
namespace {

// What happened before a message was sent happened before it is received or freed. libzmq
// guarantees it, but is seldom built so that ThreadSanitizer can see it.
#if defined(__SANITIZE_THREAD__)
char handover;
void note_handed_over() {
  __tsan_release(&handover);
}
void note_taken_over() {
  __tsan_acquire(&handover);
}
#else
void note_handed_over() {}
void note_taken_over() {}
#endif

constexpr int kLingerMs = 1000;
constexpr int kHandshakeMs = 2000;          // of a stranger
constexpr int kTrustedHandshakeMs = 10000;  // of the learner, or of one whom the gate looks at
constexpr int kConnectMs = 2000;            // before the next attempt
constexpr std::chrono::seconds kPatienceWithLearner{6};
constexpr int kHighWaterMark = 256;        // messages; experience is bounded in bytes by credits
constexpr std::size_t kShareAbove = 4096;  // smaller messages are cheaper to copy

std::shared_ptr<zmq::context_t> new_context(std::size_t max_sockets) {
  auto context = std::make_shared<zmq::context_t>();
  context->set(zmq::ctxopt::max_sockets, static_cast<int>(max_sockets));
  return context;
}

// Both ends of an inproc address must live in one context; every other channel has its own, which
// is closed with it. Made when first needed and gone with its last user, so that a process that
// only execs children never has one.
std::shared_ptr<zmq::context_t> inproc_context(std::size_t max_sockets) {
  static std::mutex mutex;
  static std::weak_ptr<zmq::context_t> shared;
  const std::lock_guard lock(mutex);
  auto context = shared.lock();
  if (!context) shared = context = new_context(max_sockets);
  return context;
}

// libzmq measures a message as it travels: encrypted, it is a little longer.
void set_common_options(zmq::socket_t& socket, const Limits& limits, bool is_encrypted) {
  const std::size_t longest = limits.max_message_bytes + (is_encrypted ? kSealBytes : 0);
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(longest));
  socket.set(zmq::sockopt::sndhwm, kHighWaterMark);
  socket.set(zmq::sockopt::rcvhwm, kHighWaterMark);
}

// The system notices a peer that is gone without a word. libzmq's own heartbeats may not: 4.3.4 and
// 4.3.5 end the process when one falls due on a connection that broke while what it brought waits
// unread (zmq_assert in out_event), which any peer can bring about.
void set_patience(zmq::socket_t& socket, std::chrono::seconds patience) {
  socket.set(zmq::sockopt::tcp_maxrt, static_cast<int>(1000 * patience.count()));
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, kProbeSeconds);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, kProbeSeconds);
}

// The message's bytes stay shared with libzmq, which frees its share on a thread of its own.
zmq::message_t to_zmq(const SharedBytes& message) {
  if (message->size() < kShareAbove) {
    zmq::message_t copy(message->data(), message->size());
    note_handed_over();
    return copy;
  }
  auto share = std::make_unique<SharedBytes>(message);
  auto* data = const_cast<std::byte*>(message->data());
  zmq::message_t result(
      data, message->size(),
      [](void*, void* hint) {
        note_taken_over();
        delete static_cast<SharedBytes*>(hint);
      },
      share.get());
  static_cast<void>(share.release());
  note_handed_over();
  return result;
}

std::span<const std::byte> bytes_of(const zmq::message_t& message) {
  return {message.data<std::byte>(), message.size()};
}

// Calls again what a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    try {
      return call();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

// Reads frames until the message ends; false when nothing waits. `count` frames were read, the
// first ones of them into `frames`, the others thrown away. Of all that are long enough to count
// (ZmtpClientReader::Traffic), `on_the_wire` has the bytes; the first one is not among them.
template <std::size_t N>
bool receive_frames(zmq::socket_t& socket, std::array<zmq::message_t, N>& frames,
                    std::size_t& count, std::size_t* on_the_wire = nullptr) {
  count = 0;
  zmq::message_t surplus;
  for (bool more = true; more; ++count) {
    zmq::message_t& frame = count < N ? frames[count] : surplus;
    if (!uninterrupted([&] { return socket.recv(frame, zmq::recv_flags::dontwait); })) return false;
    more = frame.more();
    const bool counts = on_the_wire != nullptr && count > 0 && frame.size() >= kEnvelopeBytes;
    if (counts) *on_the_wire += wire_bytes(frame.size());
  }
  note_taken_over();
  return true;
}

class ZmqChannel : public Channel {
 public:
  ZmqChannel(std::shared_ptr<zmq::context_t> context, zmq::socket_type type)
      : context_(std::move(context)), socket_(*context_, type), event_(eventfd(0, EFD_NONBLOCK)) {}
  ~ZmqChannel() override { close(event_); }
  ZmqChannel(const ZmqChannel&) = delete;
  ZmqChannel& operator=(const ZmqChannel&) = delete;

  void wake() override {
    const std::uint64_t one = 1;
    static_cast<void>(!write(event_, &one, sizeof one));  // full means: already awake
  }
  std::string address() const override { return address_; }

  void wait(std::chrono::milliseconds timeout, bool to_send) override {
    const auto events = static_cast<short>(ZMQ_POLLIN | (to_send ? ZMQ_POLLOUT : 0));
    std::array<zmq::pollitem_t, 3> items{{{socket_.handle(), 0, events, 0},
                                          {nullptr, event_, ZMQ_POLLIN, 0},
                                          {extra_socket(), 0, ZMQ_POLLIN, 0}}};
    const std::size_t count = items[2].socket == nullptr ? 2 : 3;
    uninterrupted([&] { return zmq::poll(items.data(), count, timeout); });
    std::uint64_t wakes;
    if (items[1].revents != 0) static_cast<void>(!read(event_, &wakes, sizeof wakes));
    if (count == 3 && items[2].revents != 0) serve_extra();
  }

 protected:
  virtual void* extra_socket() { return nullptr; }
  virtual void serve_extra() {}

  std::unique_ptr<Gate> gate_{};  // first: relays what the socket still sends while it closes
  std::shared_ptr<zmq::context_t> context_;
  zmq::socket_t socket_;
  std::string address_{};

 private:
  int event_;
};

// The worker's end.
class DealerChannel final : public ZmqChannel {
 public:
  DealerChannel(const WorkerOptions& options, std::shared_ptr<zmq::context_t> context)
      : ZmqChannel(std::move(context), zmq::socket_type::dealer) {
    set_common_options(socket_, options.limits, !options.learner_key.empty());
    set_patience(socket_, kPatienceWithLearner);
    socket_.set(zmq::sockopt::connect_timeout, kConnectMs);
    socket_.set(zmq::sockopt::handshake_ivl, kTrustedHandshakeMs);
    socket_.set(zmq::sockopt::immediate, true);
    socket_.set(zmq::sockopt::reconnect_ivl, 50);
    socket_.set(zmq::sockopt::reconnect_ivl_max, 2000);
    if (!options.learner_key.empty()) {
      socket_.set(zmq::sockopt::curve_serverkey, options.learner_key);
      socket_.set(zmq::sockopt::curve_publickey, options.keys.public_key);
      socket_.set(zmq::sockopt::curve_secretkey, options.keys.secret_key);
    }
    address_ = options.connect;
    socket_.connect(address_);
  }

  Sent send(std::string_view, const SharedBytes& message) override {
    zmq::message_t frame = to_zmq(message);
    return uninterrupted([&] { return socket_.send(frame, zmq::send_flags::dontwait); })
               ? Sent::yes
               : Sent::full;
  }

  bool receive(const std::function<void(const Incoming&)>& handle) override {
    std::array<zmq::message_t, 1> frames;
    std::size_t count = 0;
    if (!receive_frames(socket_, frames, count)) return false;
    handle({.peer = {},
            .user = {},
            .message = count == 1 ? bytes_of(frames[0]) : std::span<const std::byte>{}});
    return true;
  }
};

// The learner's end. With keys it also answers ZAP (ZeroMQ RFC 27), which libzmq asks about every
// connection before it lets a message through. With keys over tcp a Gate has the public port.
class RouterChannel final : public ZmqChannel {
 public:
  RouterChannel(const LearnerOptions& options, Admission admit,
                std::shared_ptr<zmq::context_t> context)
      : ZmqChannel(std::move(context), zmq::socket_type::router), admit_(std::move(admit)) {
    const bool is_guarded = has_gate(options);
    const bool has_keys = !options.keys.secret_key.empty();
    set_common_options(socket_, options.limits, has_keys);
    set_patience(socket_, kPatienceWithWorkers);
    socket_.set(zmq::sockopt::handshake_ivl, is_guarded ? kTrustedHandshakeMs : kHandshakeMs);
    socket_.set(zmq::sockopt::router_mandatory, true);
    socket_.set(zmq::sockopt::router_handover, false);
    socket_.set(zmq::sockopt::backlog, 1024);
    if (has_keys) {
      zap_ = zmq::socket_t(*context_, zmq::socket_type::rep);
      zap_.set(zmq::sockopt::linger, 0);
      zap_.bind("inproc://zeromq.zap.01");
      socket_.set(zmq::sockopt::zap_domain, "corral");
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_secretkey, options.keys.secret_key);
    }
    socket_.bind(is_guarded ? "tcp://127.0.0.1:*" : options.bind);
    address_ = socket_.get(zmq::sockopt::last_endpoint);
    if (!is_guarded) return;
    const auto port = std::stoul(address_.substr(address_.rfind(':') + 1));
    gate_ = std::make_unique<Gate>(options, static_cast<std::uint16_t>(port));
    address_ = gate_->address();
  }

  Sent send(std::string_view peer, const SharedBytes& message) override {
    zmq::message_t frame = to_zmq(message);
    const zmq::const_buffer to(peer.data(), peer.size());
    const auto head = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
    try {
      if (!uninterrupted([&] { return socket_.send(to, head); })) return Sent::full;
      return uninterrupted([&] { return socket_.send(frame, zmq::send_flags::dontwait); })
                 ? Sent::yes
                 : Sent::full;
    } catch (const zmq::error_t& error) {
      if (error.num() != EHOSTUNREACH) throw;
      return Sent::gone;
    }
  }

  bool receive(const std::function<void(const Incoming&)>& handle) override {
    std::array<zmq::message_t, 2> frames;
    std::size_t count = 0;
    std::size_t on_the_wire = 0;
    if (!receive_frames(socket_, frames, count, &on_the_wire)) {
      if (gate_) gate_->all_came_out();
      return false;
    }
    const bool whole = count == 2;
    if (gate_ && count > 1) gate_->came_out(property(frames[1], "Peer-Address"), on_the_wire);
    handle({.peer = frames[0].to_string_view(),
            .user = zap_.handle() != nullptr && count > 1 ? property(frames[1], "User-Id")
                                                          : std::string_view{},
            .message = whole ? bytes_of(frames[1]) : std::span<const std::byte>{}});
    if (whole && frames[1].size() >= kKeepAbove) kept_[num_kept_++ % kKept].swap(frames[1]);
    return true;
  }

  GateReport take_report() override { return gate_ ? gate_->take_report() : GateReport{}; }
  void shut_out(std::string_view user) override {
    if (gate_) gate_->shut_out(user);
  }

 private:
  // libzmq allocates a large message by itself. Were each freed at once, the allocator would give
  // its pages back to the system and fault them in again for the next: the few held here lie at
  // the end of its heap and keep that from being cut.
  static constexpr std::size_t kKept = 8;
  static constexpr std::size_t kKeepAbove = std::size_t{32} << 10;
  void* extra_socket() override { return zap_.handle(); }

  // Of a frame that came over the wire: libzmq makes up the address in front of it, and gives that
  // one the sender's properties only when poll() saw the message first.
  static std::string_view property(zmq::message_t& frame, const char* name) {
    const char* value = zmq_msg_gets(frame.handle(), name);
    return value == nullptr ? std::string_view{} : value;
  }

  // Request: version, id, domain, address, identity, mechanism, credentials.
  // Reply: version, id, status code, status text, user id, metadata.
  void serve_extra() override {
    std::array<zmq::message_t, 7> request;
    std::size_t count = 0;
    while (receive_frames(zap_, request, count)) {
      std::array<char, 41> key{};
      const bool is_curve = count == 7 && request[0].to_string_view() == "1.0" &&
                            request[5].to_string_view() == "CURVE" && request[6].size() == 32;
      if (is_curve) zmq_z85_encode(key.data(), request[6].data<std::uint8_t>(), 32);
      const bool good = is_curve && admit_(key.data()) &&
                        (!gate_ || gate_->log_in(request[3].to_string_view(), key.data()));
      const std::array<std::string_view, 6> reply{"1.0",
                                                  count > 1 ? request[1].to_string_view() : "",
                                                  good ? "200" : "400",
                                                  good ? "OK" : "this key is not let in",
                                                  good ? key.data() : "",
                                                  ""};
      for (std::size_t i = 0; i < reply.size(); ++i) {
        zap_.send(zmq::buffer(reply[i]),
                  i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
      }
    }
  }

  Admission admit_;
  zmq::socket_t zap_{};
  std::array<zmq::message_t, kKept> kept_{};
  std::size_t num_kept_ = 0;
};

[[noreturn]] void cannot_bind(const std::string& address, int error) {
  const bool in_use = error == EADDRINUSE;
  throw Error({.where = "LearnerEndpoint",
               .what = "cannot bind " + address,
               .got = zmq_strerror(error),
               .remedy = in_use ? "another learner has it: stop that one, or choose another "
                                  "address (tcp://127.0.0.1:* takes any free port)"
                                : "check the host name, the path and its permissions"});
}

// libzmq removes the file at an ipc path before it binds: right for one left behind by a crash,
// but it would cut off a learner that is alive.
bool is_answered(const std::string& path) {
  if (path.starts_with('@') || path == "*") return false;  // no file
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const bool answered = result == 0 || errno == EAGAIN;
  close(probe);
  return answered;
}

}  // namespace

std::unique_ptr<Channel> bind_channel(const LearnerOptions& options, Admission admit) {
  const Address address = parse_address(options.bind, "LearnerEndpoint");
  if (address.scheme == Scheme::ipc && is_answered(address.path)) {
    cannot_bind(options.bind, EADDRINUSE);
  }
  const std::size_t max_sockets = options.limits.max_workers + 64;
  try {
    return std::make_unique<RouterChannel>(
        options, std::move(admit),
        address.scheme == Scheme::inproc ? inproc_context(max_sockets) : new_context(max_sockets));
  } catch (const zmq::error_t& error) {
    cannot_bind(options.bind, error.num());
  } catch (const std::system_error& error) {
    cannot_bind(options.bind, error.code().value());
  }
}

std::unique_ptr<Channel> connect_channel(const WorkerOptions& options) {
  const Address address = parse_address(options.connect, "WorkerEndpoint");
  try {
    return std::make_unique<DealerChannel>(
        options, address.scheme == Scheme::inproc ? inproc_context(options.limits.max_workers + 64)
                                                  : new_context(16));
  } catch (const zmq::error_t& error) {
    throw Error({.where = "WorkerEndpoint",
                 .what = "cannot connect to " + options.connect,
                 .got = error.what(),
                 .remedy = "check the address"});
  }
}

}  // namespace rl::transport
