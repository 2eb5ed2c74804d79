#include "text/golden_strings.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace rl::text::golden {
namespace {

struct Table {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::vector<std::string> fragments;
  std::vector<std::string> invalid;
};

std::string from_hexadecimal(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Table read_table() {
  const auto file = nlohmann::json::parse(read_text(folder() / "strings.json"));
  Table table;
  for (const auto& range : file["ranges"]) table.ranges.emplace_back(range[1], range[2]);
  table.fragments = file["fragments"].get<std::vector<std::string>>();
  for (const std::string digits : file["invalid"]) {
    table.invalid.push_back(from_hexadecimal(digits));
  }
  return table;
}

const Table& table() {
  static const Table read = read_table();
  return read;
}

std::string utf8(std::uint64_t code) {
  const auto tail = [code](int shift) {
    return static_cast<char>(0x80 | (code >> shift & 0x3F));
  };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0 | code >> 6), tail(0)};
  if (code < 0x10000) return {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
}

template <class T>
const T& pick(const std::vector<T>& from, Numbers& numbers) {
  return from[numbers() % from.size()];
}

std::string characters(Numbers& numbers) {
  const auto [low, high] = pick(table().ranges, numbers);
  std::string text;
  for (std::uint64_t left = 1 + numbers() % 6; left > 0; --left) {
    text += utf8(low + numbers() % (high - low + 1));
  }
  return text;
}

std::string part(Numbers& numbers) {
  const std::uint64_t kind = numbers() % 16;
  if (kind < 6) return characters(numbers);
  if (kind == 15) return pick(table().invalid, numbers);
  const std::string& fragment = pick(table().fragments, numbers);
  if (kind != 14) return fragment;
  std::string repeated;
  for (std::uint64_t left = 1 + numbers() % 12; left > 0; --left) repeated += fragment;
  return repeated;
}

}  // namespace

std::filesystem::path folder() { return std::filesystem::path(RL_TEST_DATA) / "golden/text"; }

std::filesystem::path data_folder() {
  const char* const named = std::getenv("CORRAL_DATA");
  return named != nullptr ? std::filesystem::path(named)
                          : std::filesystem::path(RL_TEST_DATA) / "../../shared/data";
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::uint64_t Numbers::operator()() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

String string_at(std::uint64_t index) {
  String string{"", Numbers(index * 0xD1342543DE82EF95U + 1)};
  for (std::uint64_t left = string.numbers() % 9; left > 0; --left) {
    string.bytes += part(string.numbers);
  }
  return string;
}

std::vector<TokenId> random_ids(Numbers& numbers, std::size_t vocabulary_size) {
  std::vector<TokenId> ids(numbers() % 12);
  for (TokenId& id : ids) id = static_cast<TokenId>(numbers() % vocabulary_size);
  return ids;
}

}  // namespace rl::text::golden
