#include "src/language/model_texts.h"

#include <algorithm>
#include <limits>

#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "src/language/json_text.h"

namespace rl::language {

using nlohmann::json;

namespace {

struct NamedId {
  std::string token{};
  std::uint64_t id = 0;
};

void take_if_larger(NamedId& largest, const std::string& token, const json& id,
                    std::string_view where) {
  if (!id.is_number_unsigned()) {
    throw Error({.where = std::string(where),
                 .what = "token '" + brief_text(token) + "' has no id",
                 .expected = "a whole number",
                 .got = brief(id),
                 .remedy = "the file is damaged: fetch it again"});
  }
  const auto number = id.get<std::uint64_t>();
  if (number >= largest.id) largest = {token, number};
}

NamedId largest_id(const json& tokenizer, std::string_view where) {
  NamedId largest;
  const json model = tokenizer.value("model", json::object());
  const json vocabulary = model.is_object() ? model.value("vocab", json::object()) : json::object();
  if (vocabulary.is_object()) {
    for (const auto& [token, id] : vocabulary.items()) take_if_larger(largest, token, id, where);
  } else if (vocabulary.is_array() && !vocabulary.empty()) {
    largest = {"the last of the list", vocabulary.size() - 1};
  }
  for (const json& added : tokenizer.value("added_tokens", json::array())) {
    if (!added.is_object()) continue;
    const json content = added.value("content", json());
    take_if_larger(largest, content.is_string() ? content.get<std::string>() : "",
                   added.value("id", json()), where);
  }
  return largest;
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

}  // namespace

std::string read_text(const std::filesystem::path& path, std::size_t max_bytes) {
  const Bytes bytes = read_file(path, max_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string read_text_if_there(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? read_text(path, max_bytes) : "";
}

std::string template_of(std::string_view tokenizer_config, std::string_view where) {
  const json root = parse_json_object(tokenizer_config, where);
  const json value = root.value("chat_template", json());
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  const auto is_named = [](const json& entry) {
    return entry.is_object() && entry.value("name", json()).is_string() &&
           entry.value("template", json()).is_string();
  };
  if (!value.is_array() || !std::ranges::all_of(value, is_named)) {
    throw Error({.where = std::string(where),
                 .what = "chat_template is malformed",
                 .expected = "a text, or a list of objects with name and template",
                 .got = brief(value),
                 .remedy = "check the file"});
  }
  for (const json& entry : value) {
    if (entry["name"] == "default") return entry["template"].get<std::string>();
  }
  return "";
}

std::vector<std::int32_t> stop_ids_of(std::string_view generation_config, std::string_view where) {
  const json root = parse_json_object(generation_config, where);
  const json value = root.value("eos_token_id", json());
  std::vector<std::int32_t> ids;
  if (value.is_null()) return ids;
  for (const json& id : value.is_array() ? value : json::array({value})) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
      throw Error({.where = std::string(where),
                   .what = "eos_token_id is not a token id",
                   .expected = "an id, a list of ids, or null",
                   .got = brief(value),
                   .remedy = "check the file"});
    }
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

TensorsByFile files_of_index(std::string_view index, std::string_view where) {
  const json root = parse_json_object(index, where);
  const json map = root.value("weight_map", json());
  if (!map.is_object() || map.empty()) {
    throw Error({.where = std::string(where),
                 .what = "weight_map is missing or empty",
                 .expected = "an object: tensor to file",
                 .remedy = "the file is damaged: fetch it again"});
  }
  TensorsByFile files;
  for (const auto& [tensor, name] : map.items()) {
    if (!name.is_string() || !is_plain_file_name(name.get_ref<const std::string&>())) {
      throw Error({.where = std::string(where),
                   .what = "weight_map names a file outside the folder",
                   .expected = "plain file names",
                   .got = brief(name),
                   .remedy = "do not use this model"});
    }
    files[name.get<std::string>()].insert(tensor);
  }
  return files;
}

void check_tokenizer_ids(std::string_view tokenizer, std::size_t vocabulary,
                         std::string_view where) {
  const NamedId largest = largest_id(parse_json_object(tokenizer, where), where);
  if (largest.id < vocabulary) return;
  throw Error({.where = std::string(where),
               .what = "the tokenizer has ids that the model lacks",
               .expected = "ids below vocab_size, " + std::to_string(vocabulary),
               .got = std::to_string(largest.id) + " ('" + brief_text(largest.token) + "')",
               .remedy = "use the tokenizer that belongs to the model"});
}

}  // namespace rl::language
