// Memory for packed panels: aligned for any vector, not initialised.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace rl::language {

class AlignedFloats {
 public:
  explicit AlignedFloats(std::size_t count)
      : memory_(static_cast<float*>(::operator new(count * sizeof(float), kAlignment))) {}

  float* data() const { return memory_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* memory) const { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<float, Free> memory_;
};

}  // namespace rl::language
