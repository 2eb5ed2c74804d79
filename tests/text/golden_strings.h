// The strings of tests/golden/text/generate.py, made again here from the same table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "rl/text/tokenizer.h"

namespace rl::text::golden {

std::filesystem::path folder();       // tests/golden/text
std::filesystem::path data_folder();  // data that is not part of the project; may be missing
std::string read_text(const std::filesystem::path& file);

class Numbers {  // splitmix64
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()();

 private:
  std::uint64_t state_;
};

struct String {
  std::string bytes;
  Numbers numbers;  // to draw ids from
};
String string_at(std::uint64_t index);
std::vector<TokenId> random_ids(Numbers& numbers, std::size_t vocabulary_size);

}  // namespace rl::text::golden
