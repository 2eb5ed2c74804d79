#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/ops.h"
#include "src/language/kernels.h"

TEST_SUITE_BEGIN("language::ops");

using namespace rl::language;

namespace {

std::vector<float> random_values(std::size_t count, std::uint64_t index, float scale = 1.0F) {
  rl::RngStream stream(7, rl::RngRole::test, index);
  std::vector<float> values(count);
  for (float& value : values) value = scale * static_cast<float>(stream.uniform(-1.0, 1.0));
  return values;
}

std::vector<std::uint16_t> as_bf16(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &values[i], 4);
    halves[i] = static_cast<std::uint16_t>(bits >> 16);
  }
  return halves;
}

float widen(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value = 0.0F;
  std::memcpy(&value, &bits, 4);
  return value;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The contract, word for word: 16 chains of fused multiply-adds and one tree.
float contract_dot(const float* x, const float* w, std::size_t inner) {
  float lanes[16] = {};
  for (std::size_t k = 0; k < inner; ++k) lanes[k % 16] = std::fmaf(x[k], w[k], lanes[k % 16]);
  for (const std::size_t step : {8, 4, 2, 1}) {
    for (std::size_t l = 0; l < step; ++l) lanes[l] += lanes[l + step];
  }
  return lanes[0];
}

std::vector<float> multiply(const Ops& ops, const std::vector<float>& x, std::size_t rows,
                            const std::vector<float>& w, std::size_t outputs, std::size_t inner,
                            const float* bias = nullptr) {
  std::vector<float> y(rows * outputs);
  ops.matmul({.x = x.data(), .x_stride = inner, .rows = rows, .w = w.data(),
              .w_stride = inner, .outputs = outputs, .inner = inner, .bias = bias,
              .y = y.data(), .y_stride = outputs});
  return y;
}

template <class Check>
void for_every_form(const Check& check) {
  for (const std::size_t threads : {1, 2, 3}) {
    ThreadTeam team(threads);
    for (const KernelTable* kernels : available_kernels()) {
      CAPTURE(threads);
      CAPTURE(kernels->name);
      check(Ops(team, *kernels));
    }
  }
}

struct Heads {
  std::size_t query, key_value, dim;
};

// Attention in double, one query at a time.
std::vector<double> attention_in_double(const std::vector<float>& q, const std::vector<float>& k,
                                        const std::vector<float>& v, const Heads& heads,
                                        std::size_t rows, double scale) {
  std::vector<double> out(q.size());
  const std::size_t group = heads.query / heads.key_value;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t head = 0; head < heads.query; ++head) {
      const float* query = q.data() + (row * heads.query + head) * heads.dim;
      std::vector<double> weights(row + 1);
      double sum = 0.0;
      for (std::size_t j = 0; j <= row; ++j) {
        const float* key = k.data() + (j * heads.key_value + head / group) * heads.dim;
        double dot = 0.0;
        for (std::size_t d = 0; d < heads.dim; ++d) dot += double{query[d]} * key[d];
        sum += weights[j] = std::exp(scale * dot);
      }
      for (std::size_t j = 0; j <= row; ++j) {
        const float* value = v.data() + (j * heads.key_value + head / group) * heads.dim;
        for (std::size_t d = 0; d < heads.dim; ++d) {
          out[(row * heads.query + head) * heads.dim + d] += weights[j] / sum * value[d];
        }
      }
    }
  }
  return out;
}

// Runs rows first .. end - 1 over pages of the given size.
std::vector<float> attend(const Ops& ops, const std::vector<float>& q, const std::vector<float>& k,
                          const std::vector<float>& v, const Heads& heads, std::size_t first,
                          std::size_t end, std::size_t page_size) {
  const std::size_t width = heads.key_value * heads.dim;
  std::vector<std::vector<float>> storage;
  std::vector<const float*> keys, values;
  for (std::size_t j = 0; j < end; j += page_size) {
    for (const auto* source : {&k, &v}) {
      std::vector<float> page(page_size * width);
      const std::size_t count = std::min(page_size, end - j) * width;
      std::memcpy(page.data(), source->data() + j * width, count * sizeof(float));
      storage.push_back(std::move(page));
      (source == &k ? keys : values).push_back(storage.back().data());
    }
  }
  const AttentionSpan span{.first_row = 0, .rows = end - first, .first_position = first,
                           .key_pages = keys.data(), .value_pages = values.data()};
  const std::size_t query_width = heads.query * heads.dim;
  std::vector<float> out((end - first) * query_width);
  ops.attention({.q = q.data() + first * query_width, .out = out.data(),
                 .query_heads = heads.query, .key_value_heads = heads.key_value,
                 .head_dim = heads.dim, .page_size = page_size, .scale = 0.3F,
                 .spans = {&span, 1}});
  return out;
}

struct Attended {
  std::vector<float> out, log_sum_exp;
};

// Whole sequences that lie end to end; `qkv` holds queries, keys and values.
Attended attend_sequences(const Ops& ops, const std::vector<std::vector<float>>& qkv,
                          const Heads& heads, const std::vector<std::int64_t>& lengths) {
  const std::size_t width = heads.key_value * heads.dim;
  std::vector<const float*> keys, values;
  std::vector<AttentionSpan> spans;
  std::size_t rows = 0, longest = 0;
  for (const std::int64_t length : lengths) {
    keys.push_back(qkv[1].data() + rows * width);
    values.push_back(qkv[2].data() + rows * width);
    spans.push_back({.first_row = rows, .rows = static_cast<std::size_t>(length)});
    rows += spans.back().rows;
    longest = std::max(longest, spans.back().rows);
  }
  for (std::size_t s = 0; s < spans.size(); ++s) {
    spans[s].key_pages = &keys[s];
    spans[s].value_pages = &values[s];
  }
  Attended result{std::vector<float>(rows * heads.query * heads.dim),
                  std::vector<float>(rows * heads.query)};
  ops.attention({.q = qkv[0].data(), .out = result.out.data(), .query_heads = heads.query,
                 .key_value_heads = heads.key_value, .head_dim = heads.dim, .page_size = longest,
                 .scale = 0.3F, .spans = spans, .log_sum_exp = result.log_sum_exp.data()});
  return result;
}

}  // namespace

TEST_CASE("a product's outputs are the contract's sums, to the bit, in every form") {
  for (const std::size_t inner : {1, 8, 15, 16, 17, 64, 100}) {
    for (const std::size_t rows : {1, 2, 3, 4, 5, 9, 64, 131}) {
      const std::size_t outputs = 77;
      const auto x = random_values(rows * inner, 1);
      const auto w = random_values(outputs * inner, 2);
      const auto bias = random_values(outputs, 3);
      std::vector<float> expected(rows * outputs);
      for (std::size_t m = 0; m < rows; ++m) {
        for (std::size_t n = 0; n < outputs; ++n) {
          expected[m * outputs + n] =
              contract_dot(x.data() + m * inner, w.data() + n * inner, inner) + bias[n];
        }
      }
      CAPTURE(inner);
      CAPTURE(rows);
      for_every_form([&](const Ops& ops) {
        CHECK(same_bits(multiply(ops, x, rows, w, outputs, inner, bias.data()), expected));
      });
    }
  }
}

TEST_CASE("a row's product does not depend on the rows beside it, nor on the threads") {
  const std::size_t inner = 200, outputs = 500, rows = 70;
  const auto x = random_values(rows * inner, 1);
  const auto w = random_values(outputs * inner, 2);
  ThreadTeam alone(1);
  const auto expected = multiply(Ops(alone), x, rows, w, outputs, inner);
  for_every_form([&](const Ops& ops) {
    CHECK(same_bits(multiply(ops, x, rows, w, outputs, inner), expected));
    for (const std::size_t row : {0, 33, 69}) {
      const std::vector<float> one(x.begin() + row * inner, x.begin() + (row + 1) * inner);
      const std::vector<float> there(expected.begin() + row * outputs,
                                     expected.begin() + (row + 1) * outputs);
      CHECK(same_bits(multiply(ops, one, 1, w, outputs, inner), there));
    }
  });
}

TEST_CASE("a product of no rows writes nothing") {
  const std::vector<float> w(31 * 50, 1.0F);
  for_every_form([&](const Ops& ops) { CHECK(multiply(ops, {}, 0, w, 31, 50).empty()); });
}

TEST_CASE("bf16 weights give what their widened values give") {
  const std::size_t inner = 50, outputs = 31;
  const auto halves = as_bf16(random_values(outputs * inner, 2));
  std::vector<float> w(halves.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = widen(halves[i]);
  for (const std::size_t rows : {5, 100}) {
    const auto x = random_values(rows * inner, 1);
    for_every_form([&](const Ops& ops) {
      std::vector<float> y(rows * outputs);
      ops.matmul({.x = x.data(), .x_stride = inner, .rows = rows, .w = halves.data(),
                  .w_dtype = rl::DType::bf16, .w_stride = inner, .outputs = outputs,
                  .inner = inner, .y = y.data(), .y_stride = outputs});
      CHECK(same_bits(y, multiply(ops, x, rows, w, outputs, inner)));
    });
  }
}

TEST_CASE("rows of larger matrices are multiplied where they lie, and nothing beside them changes") {
  const std::size_t inner = 37, outputs = 50, rows = 80, wide = 128;
  const auto x = random_values(rows * wide, 1);
  const auto w = random_values(outputs * wide, 2);
  for_every_form([&](const Ops& ops) {
    std::vector<float> y(rows * wide, 7.0F);
    ops.matmul({.x = x.data(), .x_stride = wide, .rows = rows, .w = w.data(), .w_stride = wide,
                .outputs = outputs, .inner = inner, .y = y.data(), .y_stride = wide});
    bool right = true;
    for (std::size_t m = 0; m < rows; ++m) {
      for (std::size_t n = 0; n < wide; ++n) {
        const float expected =
            n < outputs ? contract_dot(x.data() + m * wide, w.data() + n * wide, inner) : 7.0F;
        right = right && y[m * wide + n] == expected;
      }
    }
    CHECK(right);
  });
}

TEST_CASE("an added product is one chain per element, to the bit, in every form") {
  for (const auto& [rows, steps, width] : std::vector<std::array<std::size_t, 3>>{
           {1, 1, 1}, {5, 7, 31}, {13, 300, 33}, {64, 40, 128}, {97, 600, 70}, {3, 0, 8},
           {30, 700, 900}}) {
    const std::size_t c_stride = width + 3;
    const auto a = random_values(rows * steps, 1);
    const auto b = random_values(steps * width, 2);
    const auto start = random_values(rows * c_stride, 3);
    std::vector<float> transposed(a.size());
    std::vector<float> expected = start;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < steps; ++j) transposed[j * rows + r] = a[r * steps + j];
      for (std::size_t d = 0; d < width; ++d) {
        float& sum = expected[r * c_stride + d];
        for (std::size_t j = 0; j < steps; ++j) {
          sum = std::fmaf(a[r * steps + j], b[j * width + d], sum);
        }
      }
    }
    CAPTURE(rows);
    CAPTURE(steps);
    CAPTURE(width);
    AddedProduct product{.rows = rows, .steps = steps, .b = b.data(), .b_stride = width,
                         .width = width, .c_stride = c_stride};
    for_every_form([&](const Ops& ops) {
      std::vector<float> c = start;
      product.c = c.data();
      product.a = a.data(), product.a_row_stride = steps, product.a_step_stride = 1;
      ops.add_product(product);
      CHECK(same_bits(c, expected));
      c = start;
      product.a = transposed.data(), product.a_row_stride = 1, product.a_step_stride = rows;
      ops.add_product(product);
      CHECK(same_bits(c, expected));
      std::vector<float> zeros = start, overwritten = start;
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t d = 0; d < width; ++d) zeros[r * c_stride + d] = 0.0F;
      }
      product.c = zeros.data();
      ops.add_product(product);
      product.c = overwritten.data(), product.from_zero = true;
      ops.add_product(product);
      CHECK(same_bits(overwritten, zeros));
      product.from_zero = false;
    });
  }
}

TEST_CASE("attention is the softmax-weighted sum of values, as in double") {
  for (const Heads heads : {Heads{4, 4, 8}, Heads{6, 2, 16}, Heads{3, 1, 20}, Heads{2, 1, 64}}) {
    const std::size_t rows = 37;
    const auto q = random_values(rows * heads.query * heads.dim, 1, 2.0F);
    const auto k = random_values(rows * heads.key_value * heads.dim, 2, 2.0F);
    const auto v = random_values(rows * heads.key_value * heads.dim, 3);
    const auto expected = attention_in_double(q, k, v, heads, rows, double{0.3F});
    for_every_form([&](const Ops& ops) {
      const auto out = attend(ops, q, k, v, heads, 0, rows, rows);
      double worst = 0.0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        worst = std::max(worst, std::abs(out[i] - expected[i]));
      }
      CHECK(worst < 1e-5);
    });
  }
}

TEST_CASE("attention has the same bits for any page size, split into calls, thread or form") {
  const Heads heads{6, 2, 24};
  const std::size_t rows = 53, width = heads.query * heads.dim;
  const auto q = random_values(rows * width, 1, 2.0F);
  const auto k = random_values(rows * heads.key_value * heads.dim, 2, 2.0F);
  const auto v = random_values(rows * heads.key_value * heads.dim, 3);
  ThreadTeam alone(1);
  const auto expected = attend(Ops(alone), q, k, v, heads, 0, rows, rows);
  for_every_form([&](const Ops& ops) {
    for (const std::size_t page_size : {1, 5, 16, 64}) {
      CAPTURE(page_size);
      CHECK(same_bits(attend(ops, q, k, v, heads, 0, rows, page_size), expected));
    }
    for (const std::size_t row : {0, 1, 17, 52}) {  // as a decode step does it
      const auto out = attend(ops, q, k, v, heads, row, row + 1, 16);
      const std::vector<float> there(expected.begin() + row * width,
                                     expected.begin() + (row + 1) * width);
      CHECK(same_bits(out, there));
    }
  });
}

TEST_CASE("attention's gradients are those of a small change, and have the same bits in every form") {
  for (const Heads heads : {Heads{2, 2, 8}, Heads{4, 2, 20}, Heads{3, 1, 16}}) {
    const std::vector<std::int64_t> lengths{5, 1, 150};
    const std::size_t rows = 156, queries = heads.query * heads.dim;
    const std::size_t keys = heads.key_value * heads.dim;
    const std::vector<std::vector<float>> inputs{random_values(rows * queries, 1, 2.0F),
                                                 random_values(rows * keys, 2, 2.0F),
                                                 random_values(rows * keys, 3)};
    const auto g = random_values(rows * queries, 4);
    // The loss in double: every sequence's attention, weighted by g.
    const auto loss = [&](const std::vector<std::vector<float>>& qkv) {
      double sum = 0.0;
      std::size_t row = 0;
      for (const std::int64_t length : lengths) {
        const auto count = static_cast<std::size_t>(length);
        const auto sequence = [&](const std::vector<float>& all, std::size_t width) {
          return std::vector<float>(all.begin() + row * width, all.begin() + (row + count) * width);
        };
        const auto out =
            attention_in_double(sequence(qkv[0], queries), sequence(qkv[1], keys),
                                sequence(qkv[2], keys), heads, count, double{0.3F});
        for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * double{g[row * queries + i]};
        row += count;
      }
      return sum;
    };
    std::vector<std::vector<float>> expected;
    for_every_form([&](const Ops& ops) {
      const auto forward = attend_sequences(ops, inputs, heads, lengths);
      std::vector<std::vector<float>> gradients(3);
      for (std::size_t i = 0; i < 3; ++i) gradients[i].resize(inputs[i].size(), 5.0F);
      ops.attention_gradient({.q = inputs[0].data(), .k = inputs[1].data(), .v = inputs[2].data(),
                              .out = forward.out.data(), .log_sum_exp = forward.log_sum_exp.data(),
                              .out_gradient = g.data(), .q_gradient = gradients[0].data(),
                              .k_gradient = gradients[1].data(),
                              .v_gradient = gradients[2].data(), .query_heads = heads.query,
                              .key_value_heads = heads.key_value, .head_dim = heads.dim,
                              .scale = 0.3F, .lengths = lengths});
      if (expected.empty()) expected = gradients;
      for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(gradients[i], expected[i]));
    });
    for (std::size_t input = 0; input < 3; ++input) {
      for (const std::size_t part : {0, 1, 2, 3, 4, 5, 6, 7}) {
        const std::size_t element = (inputs[input].size() - 1) * part / 7;
        CAPTURE(input);
        CAPTURE(element);
        const float step = 0x1p-9F;
        auto moved = inputs;
        moved[input][element] = inputs[input][element] + step;
        const double above = loss(moved);
        moved[input][element] = inputs[input][element] - step;
        const double below = loss(moved);
        const double slope = (above - below) / (2.0 * double{step});
        CHECK(std::abs(double{expected[input][element]} - slope) < 2e-5 + 1e-4 * std::abs(slope));
      }
    }
  }
}

TEST_CASE("norms, activations and rotation agree with double and among the forms") {
  const std::size_t rows = 7, width = 37;
  const auto x = random_values(rows * width, 1, 8.0F);
  const auto w = random_values(rows * width, 2);
  const auto b = random_values(width, 3);
  std::vector<std::vector<float>> first;
  for_every_form([&](const Ops& ops) {
    std::vector<float> rms(x.size()), layer(x.size()), silu(x.size()), gelu(x.size());
    ops.rms_norm(x.data(), rows, width, w.data(), 1e-5F, rms.data());
    ops.layer_norm(x.data(), rows, width, w.data(), b.data(), 1e-5F, layer.data());
    ops.silu_multiply(x.data(), w.data(), x.size(), silu.data());
    ops.gelu_tanh(x.data(), x.size(), gelu.data());
    for (std::size_t row = 0; row < rows; ++row) {
      double mean = 0.0, square = 0.0, variance = 0.0;
      const float* values = x.data() + row * width;
      for (std::size_t i = 0; i < width; ++i) mean += values[i] / double{width};
      for (std::size_t i = 0; i < width; ++i) {
        square += double{values[i]} * values[i] / double{width};
        variance += (values[i] - mean) * (values[i] - mean) / double{width};
      }
      for (std::size_t i = 0; i < width; ++i) {
        const double v = values[i];
        const std::size_t at = row * width + i;
        CHECK(rms[at] == doctest::Approx(v / std::sqrt(square + 1e-5) * w[i]).epsilon(1e-5));
        CHECK(layer[at] ==
              doctest::Approx((v - mean) / std::sqrt(variance + 1e-5) * w[i] + b[i]).epsilon(1e-5));
        CHECK(silu[at] == doctest::Approx(v / (1 + std::exp(-v)) * w[at]).epsilon(1e-5));
        const double inner = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
        CHECK(gelu[at] == doctest::Approx(v / 2 * (1 + std::tanh(inner))).epsilon(1e-5));
      }
    }
    const std::vector<std::vector<float>> results{rms, layer, silu, gelu};
    if (first.empty()) first = results;
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(same_bits(results[i], first[i]));
  });
}

TEST_CASE("a rotation turns pairs by position times frequency") {
  ModelConfig config{.head_dim = 8};
  const RotaryTable table(config, 100);
  ThreadTeam team(1);
  std::vector<float> x(2 * 8, 0.0F);
  x[1] = x[9] = 1.0F;  // the second pair's first half, of two heads
  const std::int32_t position = 77;
  Ops(team).rotate(x.data(), 1, 2, table, &position);
  const double angle = 77.0 * std::pow(10000.0, -2.0 / 8.0);
  for (const std::size_t head : {0, 8}) {
    CHECK(x[head + 1] == doctest::Approx(std::cos(angle)).epsilon(1e-5));
    CHECK(x[head + 5] == doctest::Approx(std::sin(angle)).epsilon(1e-5));
    CHECK(x[head] == 0.0F);
  }
}

TEST_CASE("a token's score is its log-softmax at the temperature, with the row's entropy") {
  const std::size_t rows = 5, vocabulary = 211;
  const auto logits = random_values(rows * vocabulary, 1, 10.0F);
  const std::vector<std::int32_t> tokens{0, 210, 17, 100, 99};
  std::vector<TokenScore> first(rows);
  bool have_first = false;
  for_every_form([&](const Ops& ops) {
    std::vector<TokenScore> scores(rows);
    ops.score(logits.data(), rows, vocabulary, 1.0F / 0.7F, tokens.data(), scores.data());
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = 0.0, entropy = 0.0;
      const auto z = [&](std::size_t i) { return logits[row * vocabulary + i] / 0.7; };
      for (std::size_t i = 0; i < vocabulary; ++i) sum += std::exp(z(i));
      for (std::size_t i = 0; i < vocabulary; ++i) {
        const double p = std::exp(z(i)) / sum;
        entropy -= p * std::log(p);
      }
      const auto token = static_cast<std::size_t>(tokens[row]);
      CHECK(scores[row].log_prob == doctest::Approx(z(token) - std::log(sum)).epsilon(1e-5));
      CHECK(scores[row].entropy == doctest::Approx(entropy).epsilon(1e-4));
    }
    if (!have_first) first = scores, have_first = true;
    CHECK(std::memcmp(scores.data(), first.data(), rows * sizeof(TokenScore)) == 0);
  });
}

TEST_CASE("a logit of minus infinity has no share") {
  ThreadTeam team(1);
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits{none, 1.0F, none, 1.0F};
  const std::int32_t token = 3;
  TokenScore score;
  Ops(team).score(logits.data(), 1, 4, 1.0F, &token, &score);
  CHECK(score.log_prob == doctest::Approx(std::log(0.5)));
  CHECK(score.entropy == doctest::Approx(std::log(2.0)));
}

TEST_SUITE_END();
