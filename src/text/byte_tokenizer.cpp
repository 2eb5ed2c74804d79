#include <nlohmann/json.hpp>

#include "rl/text/tokenizer.h"
#include "src/text/byte_level.h"

namespace rl::text {

std::string byte_tokenizer_json() {
  using Json = nlohmann::ordered_json;
  Json vocabulary = Json::object();
  for (const std::string& character : byte_texts()) vocabulary[character] = vocabulary.size();
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
