// Names of families and element types on the command line.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rl/language/model_config.h"

namespace rl::app {

inline constexpr std::pair<const char*, language::Family> kFamilyNames[] = {
    {"llama", language::Family::llama},
    {"qwen2", language::Family::qwen2},
    {"qwen3", language::Family::qwen3},
    {"gpt2", language::Family::gpt2}};
inline constexpr std::pair<const char*, DType> kDTypeNames[] = {
    {"f32", DType::f32}, {"bf16", DType::bf16}, {"f16", DType::f16}};

template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.first);
  return names;
}

// The value of a name that the option table has accepted.
template <class Rows>
auto value_named(const Rows& rows, std::string_view name) {
  auto value = rows[0].second;
  for (const auto& row : rows) {
    if (name == row.first) value = row.second;
  }
  return value;
}

inline std::vector<std::string> family_names() { return names_of(kFamilyNames); }
inline std::vector<std::string> dtype_names() { return names_of(kDTypeNames); }
inline language::Family family_named(std::string_view name) {
  return value_named(kFamilyNames, name);
}
inline DType dtype_named(std::string_view name) { return value_named(kDTypeNames, name); }
inline std::string name_of(language::Family family) {
  for (const auto& row : kFamilyNames) {
    if (row.second == family) return row.first;
  }
  return "";
}

}  // namespace rl::app
