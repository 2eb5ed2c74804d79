#include <array>
#include <nlohmann/json.hpp>

#include "rl/text/tokenizer.h"

namespace rl::text {
namespace {

using Json = nlohmann::ordered_json;

// The code points that stand for the 256 bytes in byte-level vocabularies: printable bytes stand
// for themselves, the others for 256, 257, ... in order (GPT-2's table).
std::array<char32_t, 256> byte_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
                           (byte >= 0xAE);
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}

std::string utf8(char32_t character) {  // below U+0800
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | (character >> 6)), static_cast<char>(0x80 | (character & 0x3F))};
}

}  // namespace

std::string byte_tokenizer_json() {
  Json vocabulary = Json::object();
  for (const char32_t character : byte_characters()) {
    vocabulary[utf8(character)] = vocabulary.size();
  }
  Json added = Json::array();
  for (const char* token : {"<|bos|>", "<|eos|>", "<|pad|>"}) {
    added.push_back({{"id", 256 + added.size()}, {"content", token}, {"single_word", false},
                     {"lstrip", false}, {"rstrip", false}, {"normalized", false},
                     {"special", true}});
  }
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", false},
                           {"trim_offsets", false}, {"use_regex", false}};
  const Json model = {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr}, {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false}, {"byte_fallback", false}, {"ignore_merges", false},
                      {"vocab", vocabulary}, {"merges", Json::array()}};
  return Json({{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr},
               {"added_tokens", added}, {"normalizer", nullptr}, {"pre_tokenizer", byte_level},
               {"post_processor", nullptr}, {"decoder", byte_level}, {"model", model}})
      .dump(1);
}

}  // namespace rl::text
