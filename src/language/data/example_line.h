// A line of a file of examples, before it is tokens.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rl::language {

using ExampleJson = nlohmann::ordered_json;  // templates may walk the keys of a message

// Throws Error about an example.
[[noreturn]] void refuse(const std::string& what, const std::string& expected,
                         const std::string& got = "", const std::string& remedy = "");

// Throws Error for anything but one object.
ExampleJson parse_example(std::string_view line);
// Empty when the message has none.
std::string role_of(const ExampleJson& message);
std::string keys_of(const ExampleJson& object);

struct LineCounts {
  std::size_t lines = 0;   // that are not blank
  std::size_t broken = 0;  // `use` threw
};

// Gives every line of at most 64 MiB that is not blank to `use`. Throws Error naming file and line
// for one that it refuses, or counts it; and for a file that is missing or cannot be read.
LineCounts read_example_lines(const std::filesystem::path& file, bool skip_broken_lines,
                              const std::function<void(std::string_view line)>& use);

std::string grouped(std::size_t count);  // "12,345"

}  // namespace rl::language
