// The operations of a transformer, each in one fixed order of additions.
//
// The kernel contract: every element of a result is computed by a sequence of IEEE operations that
// depends on the element's own inputs alone: not on the other rows of the call, the number of
// threads, the page size or the CPU. A sum over k keeps 16 partial sums (k mod 16), each a chain of
// fused multiply-adds in order, that end in one tree: l with l + 8, then l + 4, l + 2, l + 1.
// Generation and the training forward both use these operations, hence the log-prob a token was
// sampled with and the one the learner computes are the same bits. add_product and
// attention_gradient, which the backward pass uses, keep the contract with sums of another order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rl/core/spec.h"
#include "rl/language/model_config.h"
#include "rl/language/thread_team.h"

namespace rl::language {

struct KernelTable;  // src/language/kernels.h: the forms for different CPUs

// y[m, n] = sum_k x[m, k] w[n, k] + bias[n]. Strides are in elements, from row to row.
struct Matmul {
  const float* x = nullptr;
  std::size_t x_stride = 0;
  std::size_t rows = 0;
  const void* w = nullptr;           // f32 or bf16; bf16 is widened, products and sums are f32
  DType w_dtype = DType::f32;
  std::size_t w_stride = 0;
  std::size_t outputs = 0;
  std::size_t inner = 0;
  const float* bias = nullptr;       // may be null
  float* y = nullptr;
  std::size_t y_stride = 0;
};

// c[r, d] += sum_j a[r, j] b[j, d]: one chain of fused multiply-adds that begins with c (or with 0,
// and c is overwritten), j in order.
// Element (r, j) of a lies at a[r * a_row_stride + j * a_step_stride], so that a may be transposed.
struct AddedProduct {
  const float* a = nullptr;
  std::size_t a_row_stride = 0;
  std::size_t a_step_stride = 1;
  std::size_t rows = 0;
  std::size_t steps = 0;             // of j
  const float* b = nullptr;
  std::size_t b_stride = 0;
  std::size_t width = 0;             // of d
  float* c = nullptr;
  std::size_t c_stride = 0;
  bool from_zero = false;
};

// Consecutive rows of one sequence: row r stands at position first_position + r and attends to the
// positions 0 .. first_position + r.
struct AttentionSpan {
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_position = 0;
  // Page p holds positions p * page_size and following, [page_size, key_value_heads, head_dim].
  // Keys and values of all positions that are attended to must be in place.
  const float* const* key_pages = nullptr;
  const float* const* value_pages = nullptr;
};

// out[row, h] = sum_j softmax_j(scale * q[row, h] . k[j, h / group]) v[j, h / group]
struct Attention {
  const float* q = nullptr;          // [rows, query_heads, head_dim]
  float* out = nullptr;              // the same shape
  std::size_t query_heads = 0;
  std::size_t key_value_heads = 0;
  std::size_t head_dim = 0;
  std::size_t page_size = 0;         // positions; a contiguous [T, heads, head_dim] is one page of T
  float scale = 1.0F;
  std::span<const AttentionSpan> spans{};
  float* log_sum_exp = nullptr;      // [rows, query_heads] for a backward pass; may be null
};

// The gradients of attention over whole sequences, each without pages and from its first position on
// (FlashAttention, arXiv:2205.14135, algorithm 4: probabilities are computed again, block by block).
struct AttentionGradient {
  const float* q = nullptr;             // [rows, query_heads, head_dim], as out and out_gradient
  const float* k = nullptr;             // [rows, key_value_heads, head_dim], as v
  const float* v = nullptr;
  const float* out = nullptr;           // what Attention gave
  const float* log_sum_exp = nullptr;   // what Attention gave
  const float* out_gradient = nullptr;
  float* q_gradient = nullptr;          // overwritten, as the next two
  float* k_gradient = nullptr;
  float* v_gradient = nullptr;
  std::size_t query_heads = 0;
  std::size_t key_value_heads = 0;
  std::size_t head_dim = 0;
  float scale = 1.0F;
  std::span<const std::int64_t> lengths{};  // of the sequences, which lie end to end
};

// cos and sin of the rotation, [positions, head_dim / 2] each. The same bits on every machine.
struct RotaryTable {
  RotaryTable() = default;
  RotaryTable(const ModelConfig& config, std::size_t positions);  // no rows for learned positions
  std::vector<float> cos;
  std::vector<float> sin;
  std::size_t half = 0;              // head_dim / 2
};

// How one token stands in the softmax of its row at a temperature.
struct TokenScore {
  float log_prob = 0.0F;             // (z[token] - max) - log(sum), z = logits * inverse_temperature
  float max = 0.0F;                  // of z
  float log_sum = 0.0F;              // log sum exp(z - max)
  float entropy = 0.0F;              // log(sum) - sum p (z - max)
};

// Threads: a call uses the whole team; one caller at a time per object. Arrays are row-major and
// contiguous unless a stride says otherwise; results may not overlap inputs unless said.
class Ops {
 public:
  explicit Ops(ThreadTeam& team);                              // the fastest form for this CPU
  Ops(ThreadTeam& team, const KernelTable& kernels);           // a given form: same bits, slower

  void matmul(const Matmul& product) const;
  void add_product(const AddedProduct& product) const;
  // y = x / sqrt(mean(x^2) + epsilon) * weight, per row; y may be x.
  void rms_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                float epsilon, float* y) const;
  // y = (x - mean) / sqrt(variance + epsilon) * weight + bias, per row; y may be x.
  void layer_norm(const float* x, std::size_t rows, std::size_t width, const float* weight,
                  const float* bias, float epsilon, float* y) const;
  // Rotates x [rows, heads, head_dim] in place; positions [rows].
  void rotate(float* x, std::size_t rows, std::size_t heads, const RotaryTable& table,
              const std::int32_t* positions) const;
  void attention(const Attention& attention) const;
  void attention_gradient(const AttentionGradient& attention) const;
  // y = gate * sigmoid(gate) * up; y may be gate or up. The gradient is the usual one.
  void silu_multiply(const float* gate, const float* up, std::size_t count, float* y) const;
  // y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); y may be x.
  void gelu_tanh(const float* x, std::size_t count, float* y) const;
  void add(const float* a, const float* b, std::size_t count, float* y) const;  // y may be a or b
  // Of every row of logits [rows, vocabulary].
  void score(const float* logits, std::size_t rows, std::size_t vocabulary,
             float inverse_temperature, const std::int32_t* tokens, TokenScore* scores) const;

  ThreadTeam& team() const { return *team_; }
  const KernelTable& kernels() const { return *kernels_; }

 private:
  void matmul_packed(const Matmul& product) const;

  ThreadTeam* team_;
  const KernelTable* kernels_;
};

}  // namespace rl::language
