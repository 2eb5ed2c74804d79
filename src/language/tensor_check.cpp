#include "src/language/tensor_check.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "rl/core/error.h"
#include "src/language/json_text.h"

namespace rl::language {
namespace {

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

bool is_usable(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

// A hostile file may name a million tensors: what is shown of each kind is bounded.
std::string listed(const std::string& title, const std::vector<std::string>& names) {
  constexpr std::size_t kMostShown = 200;
  if (names.empty()) return "";
  std::string text = "; " + title + " (" + std::to_string(names.size()) + "): ";
  for (std::size_t i = 0; i < names.size() && i < kMostShown; ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  return text + (names.size() > kMostShown ? ", ..." : "");
}

struct Findings {
  std::vector<std::string> missing;
  std::vector<std::string> superfluous;
  std::vector<std::string> repeated;
  std::vector<std::string> misshaped;
  std::vector<std::string> mistyped;

  std::string text() const {
    return listed("missing", missing) + listed("superfluous", superfluous) +
           listed("there twice", repeated) + listed("of another shape", misshaped) +
           listed("of another type", mistyped);
  }
};

}  // namespace

void check_tensors(std::span<const TensorView> tensors, std::span<const ParameterSpec> expected,
                   std::string_view where) {
  std::map<std::string_view, const Shape*> shapes;
  for (const ParameterSpec& parameter : expected) shapes[parameter.name] = &parameter.shape;
  Findings found;
  std::set<std::string_view> seen;
  for (const TensorView& tensor : tensors) {
    const auto wanted = shapes.find(tensor.name);
    if (wanted == shapes.end()) {
      found.superfluous.push_back(brief_text(tensor.name) + " " + shape_text(tensor.shape));
      continue;
    }
    if (!seen.insert(tensor.name).second) found.repeated.push_back(tensor.name);
    if (tensor.shape != *wanted->second) {
      found.misshaped.push_back(tensor.name + " is " + shape_text(tensor.shape) + ", not " +
                                shape_text(*wanted->second));
    }
    if (!is_usable(tensor.dtype)) {
      found.mistyped.push_back(tensor.name + " is " + std::string(name(tensor.dtype)) +
                               ", not f32, bf16 or f16");
    } else if (tensor.data.size() != num_elements(tensor.shape) * size_bytes(tensor.dtype)) {
      found.misshaped.push_back(tensor.name + " has data of another length than its shape");
    }
  }
  for (const ParameterSpec& parameter : expected) {
    if (!seen.contains(parameter.name)) {
      found.missing.push_back(parameter.name + " " + shape_text(parameter.shape));
    }
  }
  const std::string text = found.text();
  if (text.empty()) return;
  throw Error({.where = std::string(where),
               .what = "the tensors are not those that the configuration describes" + text,
               .remedy = "config.json and weights must be of the same model"});
}

}  // namespace rl::language
