#include "rl/envs/vector_batch.h"

#include "rl/core/error.h"

namespace rl {

VectorBatch::Columns::Columns(const std::vector<TensorSpec>& specs, std::size_t num_rows)
    : num_fields_(specs.size()), rows_(num_rows * specs.size()) {
  for (std::size_t field = 0; field < num_fields_; ++field) {
    const TensorSpec& spec = specs[field];
    counts_.push_back(num_rows * spec.num_elements());
    element_sizes_.push_back(size_bytes(spec.dtype));
    storage_.emplace_back(num_rows * spec.row_bytes() / sizeof(Line) + 1);
    std::byte* first = storage_.back().front().bytes;
    for (std::size_t i = 0; i < num_rows; ++i) {
      rows_[i * num_fields_ + field] = first + i * spec.row_bytes();
    }
  }
  const_rows_.assign(rows_.begin(), rows_.end());
}

void VectorBatch::Columns::check_element(std::size_t field, std::size_t size) const {
  if (field < num_fields_ && element_sizes_[field] == size) return;
  throw Error({.where = "vector batch",
               .what = "no tensor " + std::to_string(field) + " with elements of this size",
               .expected = field < num_fields_ ? std::to_string(element_sizes_[field]) + " bytes"
                                               : "a tensor below " + std::to_string(num_fields_),
               .got = std::to_string(size) + " bytes",
               .remedy = "ask for the element type of the spec"});
}

VectorBatch::VectorBatch(const EnvironmentSpec& spec, std::size_t num_environments)
    : observations_(spec.observations, num_environments),
      final_observations_(spec.observations, num_environments),
      actions_(spec.actions, num_environments),
      rewards_(num_environments),
      terminated_(num_environments),
      truncated_(num_environments),
      is_reset_(num_environments) {}

}  // namespace rl
