// The JSON header of a safetensors file: text in, checked fields out. No tensor data here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"

namespace rl::formats {

struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t begin = 0;  // relative to the start of the data
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  // ascending by begin, then end
  std::map<std::string, std::string> metadata;
};

// Throws Error prefixed with `where` for anything but strict JSON of exactly this form, and for a
// shape whose bytes differ from its offsets. Whether the offsets cover the data is not looked at.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::string_view where);

std::string to_json(const SafetensorsHeader& header);

std::string_view safetensors_name(DType dtype);  // "F32", ...

// A name from a file, made fit for a message: no control characters, at most 64 characters.
std::string show_name(std::string_view name);

}  // namespace rl::formats
