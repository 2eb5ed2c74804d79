#include "src/formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "rl/core/error.h"

namespace rl::formats {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 3;  // { tensor : { shape : [ ] } }
constexpr std::array<std::pair<std::string_view, DType>, 8> kDTypes = {{
    {"U8", DType::u8},
    {"I32", DType::i32},
    {"I64", DType::i64},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"F32", DType::f32},
    {"F64", DType::f64},
    {"BOOL", DType::u8},  // read only: old GPT-2 files carry masks
}};

[[noreturn]] void fail(std::string_view where, const std::string& what, const std::string& expected,
                       const std::string& got) {
  throw Error({.where = std::string(where),
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "the file is damaged or not a safetensors file"});
}

std::string brief(const json& value) {
  return show_name(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

// The parser keeps the last of two equal keys, so two readers could see two different files.
class DuplicateKeys {
 public:
  explicit DuplicateKeys(std::string_view where) : where_(where) {}

  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kMaxDepth) {
        fail(where_, "header nests too deeply", std::to_string(kMaxDepth) + " levels", "more");
      }
      if (event == Event::object_start) keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        fail(where_, "header names a key twice", "every key once", show_name(key));
      }
    }
    return true;
  }

 private:
  std::string_view where_;
  std::vector<std::set<std::string>> keys_;
};

json parse_strictly(std::string_view text, std::string_view where) {
  // The JSON library skips a byte order mark and takes a NUL for the end.
  if (text.empty() || text.front() != '{' || text.find('\0') != text.npos) {
    fail(where, "header is not a JSON object", "text that starts with '{'", show_name(text));
  }
  try {
    DuplicateKeys duplicates(where);
    return json::parse(text, [&](int depth, json::parse_event_t event, json& parsed) {
      return duplicates(depth, event, parsed);
    });
  } catch (const json::exception& error) {
    fail(where, "header is not valid JSON", "strict JSON", show_name(error.what()));
  }
}

std::uint64_t unsigned_number(const json& value, std::string_view where, const std::string& field) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargest) {
    fail(where, field + " is not a size", "a whole number from 0 to 2^62", brief(value));
  }
  return value.get<std::uint64_t>();
}

DType dtype_from(const json& value, std::string_view where, const std::string& tensor) {
  std::string known;
  for (const auto& [text, dtype] : kDTypes) {
    if (value.is_string() && value.get_ref<const std::string&>() == text) return dtype;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  throw Error({.where = std::string(where),
               .what = "tensor " + tensor + " has an element type that is not supported",
               .expected = "one of " + known,
               .got = brief(value),
               .remedy = "convert the tensor to one of these before saving"});
}

std::uint64_t checked_bytes(const TensorEntry& entry, std::string_view where) {
  std::uint64_t bytes = size_bytes(entry.dtype);
  for (const std::int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      fail(where, "shape of tensor " + show_name(entry.name) + " overflows", "less than 2^64 bytes",
           "more");
    }
  }
  return bytes;
}

const json& array_field(const json& object, const char* key, std::string_view where,
                        const std::string& tensor) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    fail(where, "tensor " + tensor + " lacks a list '" + key + "'", "a list of whole numbers",
         found == object.end() ? "nothing" : brief(*found));
  }
  return *found;
}

TensorEntry tensor_from(const std::string& name, const json& value, std::string_view where) {
  const std::string shown = show_name(name);
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype")) {
    fail(where, "tensor " + shown + " is not described properly",
         "dtype, shape and data_offsets alone", brief(value));
  }
  TensorEntry entry{.name = name, .dtype = dtype_from(value["dtype"], where, shown), .shape = {}};
  for (const json& extent : array_field(value, "shape", where, shown)) {
    const auto number = unsigned_number(extent, where, "shape of tensor " + shown);
    entry.shape.push_back(static_cast<std::int64_t>(number));
  }
  const json& offsets = array_field(value, "data_offsets", where, shown);
  if (offsets.size() != 2) {
    fail(where, "data_offsets of tensor " + shown + " are malformed", "[begin, end]",
         brief(offsets));
  }
  entry.begin = unsigned_number(offsets[0], where, "data_offsets of tensor " + shown);
  entry.end = unsigned_number(offsets[1], where, "data_offsets of tensor " + shown);
  const std::uint64_t bytes = checked_bytes(entry, where);
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    fail(where, "offsets of tensor " + shown + " do not fit its shape",
         std::to_string(bytes) + " bytes", brief(offsets));
  }
  return entry;
}

std::map<std::string, std::string> metadata_from(const json& value, std::string_view where) {
  if (!value.is_object()) fail(where, "__metadata__ is malformed", "an object", brief(value));
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) {
      fail(where, "__metadata__ value of " + show_name(key) + " is malformed", "a text",
           brief(text));
    }
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::string_view where) {
  const json root = parse_strictly(text, where);
  SafetensorsHeader header;
  for (const auto& [key, value] : root.items()) {
    if (key == "__metadata__") {
      header.metadata = metadata_from(value, where);
    } else {
      header.tensors.push_back(tensor_from(key, value, where));
    }
  }
  std::ranges::sort(header.tensors, {},
                    [](const TensorEntry& entry) { return std::pair(entry.begin, entry.end); });
  return header;
}

std::string to_json(const SafetensorsHeader& header) {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) root["__metadata__"] = header.metadata;
  for (const TensorEntry& entry : header.tensors) {
    nlohmann::ordered_json tensor;
    tensor["dtype"] = safetensors_name(entry.dtype);
    tensor["shape"] = entry.shape;
    tensor["data_offsets"] = {entry.begin, entry.end};
    root.push_back({entry.name, std::move(tensor)});
  }
  try {
    return root.dump();
  } catch (const json::exception& error) {
    throw Error({.where = "write_safetensors",
                 .what = "a name or metadata text cannot be written",
                 .expected = "UTF-8",
                 .got = show_name(error.what()),
                 .remedy = "encode binary data before putting it into metadata"});
  }
}

std::string_view safetensors_name(DType dtype) {
  for (const auto& [text, known] : kDTypes) {
    if (known == dtype) return text;
  }
  throw Error({.where = "safetensors",
               .what = "unknown element type",
               .got = std::to_string(static_cast<int>(dtype))});
}

std::string show_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  std::string text = "'" + std::string(name.substr(0, kLongest));
  std::ranges::replace_if(
      text, [](char c) { return c >= 0 && (c < 0x20 || c == 0x7F); }, '?');
  return text + (name.size() > kLongest ? "…'" : "'");
}

}  // namespace rl::formats
