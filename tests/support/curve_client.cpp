#include "support/curve_client.h"

#include <sodium.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <stdexcept>
#include <zmq.hpp>

#include "support/raw_attacker.h"

namespace rl::tests {
namespace {

using Bytes = std::vector<unsigned char>;

template <class Key>
void decode(const std::string& text, Key& key) {
  if (text.size() != 40 || zmq_z85_decode(key.data(), text.c_str()) == nullptr) {
    throw std::runtime_error("not a key: " + text);
  }
}

void append(Bytes& to, const void* data, std::size_t size) {
  const auto* begin = static_cast<const unsigned char*>(data);
  to.insert(to.end(), begin, begin + size);
}
void append(Bytes& to, const std::string& text) {
  append(to, text.data(), text.size());
}
template <class Key>
void append_key(Bytes& to, const Key& key) {
  append(to, key.data(), key.size());
}

std::string short_nonce(std::uint64_t number) {
  std::string text(8, '\0');
  for (int i = 0; i < 8; ++i) text[i] = static_cast<char>(number >> (56 - 8 * i));
  return text;
}

Bytes framed(unsigned char flags, const Bytes& content) {
  Bytes frame;
  frame.reserve(9 + content.size());
  if (content.size() > 255) {
    frame.push_back(flags | 2);
    append(frame, short_nonce(content.size()));
  } else {
    frame.push_back(flags);
    frame.push_back(static_cast<unsigned char>(content.size()));
  }
  append(frame, content.data(), content.size());
  return frame;
}

bool read_exactly(int socket, void* into, std::size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t count = recv(socket, at, size, 0);
    if (count <= 0) return false;
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

CurveClient::CurveClient(std::uint16_t port, const transport::KeyPair& keys,
                         const std::string& server_key)
    : socket_(connect_raw(port)) {
  if (sodium_init() < 0) throw std::runtime_error("no libsodium");
  decode(keys.public_key, public_);
  decode(keys.secret_key, secret_);
  decode(server_key, server_);
  if (!socket_.is_open()) return;
  const timeval most{.tv_sec = 5, .tv_usec = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  const timeval half{.tv_sec = 0, .tv_usec = 500000};
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &half, sizeof half);
  crypto_box_keypair(short_public_.data(), short_secret_.data());
  is_in_ = send_raw(curve_client_greeting()) && say_hello() && initiate();
}

Bytes CurveClient::box(const Bytes& plain, const std::string& nonce, const Key& to,
                       const Key& from) {
  Bytes sealed(plain.size() + crypto_box_MACBYTES);
  if (crypto_box_easy(sealed.data(), plain.data(), plain.size(),
                      reinterpret_cast<const unsigned char*>(nonce.data()), to.data(),
                      from.data()) != 0) {
    throw std::runtime_error("cannot encrypt");
  }
  return sealed;
}

bool CurveClient::say_hello() {
  Bytes hello;
  append(hello, std::string("\5HELLO\1\0", 8));
  hello.resize(80);
  append_key(hello, short_public_);
  const std::string nonce = short_nonce(++nonce_);
  append(hello, nonce);
  const Bytes sealed = box(Bytes(64), "CurveZMQHELLO---" + nonce, server_, short_secret_);
  append(hello, sealed.data(), sealed.size());
  const Bytes frame = framed(4, hello);
  std::array<char, 64> greeting;
  if (!send_raw(std::as_bytes(std::span(frame))) ||
      !read_exactly(socket_.get(), greeting.data(), greeting.size())) {
    return false;
  }
  const auto answer = read_frame();
  if (answer.size() != 168 || std::memcmp(answer.data(), "\7WELCOME", 8) != 0) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(answer.data());
  const std::string welcome_nonce = "WELCOME-" + std::string(bytes + 8, bytes + 24);
  Bytes plain(128);
  if (crypto_box_open_easy(plain.data(), bytes + 24, 144,
                           reinterpret_cast<const unsigned char*>(welcome_nonce.data()),
                           server_.data(), short_secret_.data()) != 0) {
    return false;
  }
  std::memcpy(server_short_.data(), plain.data(), 32);
  cookie_.assign(plain.begin() + 32, plain.end());
  return true;
}

bool CurveClient::initiate() {
  std::string vouch_nonce(16, '\0');
  randombytes_buf(vouch_nonce.data(), vouch_nonce.size());
  Bytes vouched;
  append_key(vouched, short_public_);
  append_key(vouched, server_);
  const Bytes vouch = box(vouched, "VOUCH---" + vouch_nonce, server_short_, secret_);
  Bytes plain;
  append_key(plain, public_);
  append(plain, vouch_nonce);
  append(plain, vouch.data(), vouch.size());
  append(plain, std::string("\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0", 35));
  Bytes initiate;
  append(initiate, "\10INITIATE");
  append(initiate, cookie_.data(), cookie_.size());
  const std::string nonce = short_nonce(++nonce_);
  append(initiate, nonce);
  const Bytes sealed = box(plain, "CurveZMQINITIATE" + nonce, server_short_, short_secret_);
  append(initiate, sealed.data(), sealed.size());
  const Bytes frame = framed(4, initiate);
  if (!send_raw(std::as_bytes(std::span(frame)))) return false;
  const auto answer = read_frame();
  return answer.size() > 6 && std::memcmp(answer.data(), "\5READY", 6) == 0;
}

std::vector<std::byte> CurveClient::read_frame() {
  std::array<unsigned char, 2> head{};
  if (!read_exactly(socket_.get(), head.data(), head.size())) return {};
  std::vector<std::byte> content(head[1]);
  return read_exactly(socket_.get(), content.data(), content.size()) ? content
                                                                     : std::vector<std::byte>{};
}

bool CurveClient::send_part(std::span<const std::byte> content, bool more) {
  Bytes plain;
  plain.reserve(1 + content.size());
  plain.push_back(more ? 1 : 0);
  append(plain, content.data(), content.size());
  Bytes message;
  append(message, "\7MESSAGE");
  const std::string nonce = short_nonce(++nonce_);
  append(message, nonce);
  const Bytes sealed = box(plain, "CurveZMQMESSAGEC" + nonce, server_short_, short_secret_);
  append(message, sealed.data(), sealed.size());
  const Bytes frame = framed(0, message);
  return send_raw(std::as_bytes(std::span(frame)));
}

bool CurveClient::send_raw(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool CurveClient::is_closed() {
  std::array<char, 4096> ignored;
  ssize_t count = 0;
  do {
    count = recv(socket_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
  } while (count > 0);
  return count == 0 || errno != EAGAIN;
}

}  // namespace rl::tests
