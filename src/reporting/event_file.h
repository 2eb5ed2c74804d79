// TensorBoard event files: records of length, masked CRC-32C and an Event message (protocol
// buffers, tensorboard/compat/proto/event.proto), written by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace rl::reporting {

// The record every file starts with.
std::string event_file_header(double unix_seconds);

std::string scalar_event(double unix_seconds, std::uint64_t step,
                         const std::map<std::string, double>& scalars);

// How many bytes of a file are whole, undamaged records before the first with a step beyond `last`.
std::size_t whole_events(std::span<const std::byte> file, std::uint64_t last);

}  // namespace rl::reporting
