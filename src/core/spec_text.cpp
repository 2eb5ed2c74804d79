#include <charconv>
#include <limits>
#include <sstream>

#include "rl/core/error.h"
#include "rl/core/spec.h"

namespace rl {
namespace {

// One line of a spec, read from left to right.
class Line {
 public:
  Line(std::string_view text, std::size_t number) : rest_(text), text_(text), number_(number) {}

  std::string_view word() {
    skip_spaces();
    const auto size = rest_.find_first_of(" [(");
    const auto word = take(size == std::string_view::npos ? rest_.size() : size);
    if (word.empty()) refuse("a word");
    return word;
  }
  // The text between two brackets.
  std::string_view group(char open, char close) {
    skip_spaces();
    const auto end = rest_.find(close);
    if (rest_.empty() || rest_.front() != open || end == std::string_view::npos) {
      refuse(std::string("a group in ") + open + close);
    }
    const auto inside = rest_.substr(1, end - 1);
    take(end + 1);
    return inside;
  }
  std::vector<double> bounds(std::string_view name) {
    if (word() != name) refuse(std::string(name) + "(...)");
    return numbers<double>(group('(', ')'), ' ');
  }
  template <class T>
  std::vector<T> numbers(std::string_view list, char separator) {
    std::vector<T> values;
    while (!list.empty()) {
      T value{};
      const auto [end, error] = std::from_chars(list.data(), list.data() + list.size(), value);
      if (error != std::errc{}) refuse("numbers");
      values.push_back(value);
      list.remove_prefix(static_cast<std::size_t>(end - list.data()));
      if (!list.empty() && list.front() != separator) refuse("numbers");
      if (!list.empty()) list.remove_prefix(1);
    }
    return values;
  }
  template <class T>
  T one(std::vector<T> values) {
    if (values.size() != 1) refuse("one number");
    return values.front();
  }
  void expect_end() {
    skip_spaces();
    if (!rest_.empty()) refuse("the end of the line");
  }
  [[noreturn]] void refuse(const std::string& expected) const {
    throw Error({.where = "environment spec, line " + std::to_string(number_),
                 .what = "cannot be read",
                 .expected = expected,
                 .got = "'" + std::string(text_) + "'",
                 .remedy = "write it as `corral envs NAME` prints one"});
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\r')) take(1);
  }
  std::string_view take(std::size_t size) {
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  std::string_view rest_, text_;
  std::size_t number_;
};

DType read_dtype(Line& line) {
  const auto wanted = line.word();
  for (const DType dtype : {DType::u8, DType::i32, DType::i64, DType::f32, DType::f64, DType::f16,
                            DType::bf16}) {
    if (name(dtype) == wanted) return dtype;
  }
  line.refuse("u8, i32, i64, f32, f64, f16 or bf16");
}

TensorSpec read_tensor(Line& line) {
  TensorSpec tensor;
  tensor.name = line.word();
  tensor.dtype = read_dtype(line);
  tensor.shape = line.numbers<std::int64_t>(line.group('[', ']'), ',');
  tensor.low = line.bounds("low");
  tensor.high = line.bounds("high");
  return tensor;
}

void read_line(Line& line, EnvironmentSpec& spec) {
  const auto kind = line.word();
  if (kind == "environment") {
    spec.name = line.word();
  } else if (kind == "observation") {
    spec.observations.push_back(read_tensor(line));
  } else if (kind == "action") {
    spec.actions.push_back(read_tensor(line));
  } else if (kind == "reward") {
    spec.reward_low = line.one(line.bounds("low"));
    spec.reward_high = line.one(line.bounds("high"));
  } else if (kind == "max_episode_steps") {
    spec.max_episode_steps = line.one(line.numbers<std::int64_t>(line.word(), ' '));
  } else {
    line.refuse("environment, observation, action, reward or max_episode_steps");
  }
  line.expect_end();
}

}  // namespace

EnvironmentSpec spec_from_text(std::string_view text) {
  EnvironmentSpec spec;
  std::istringstream lines{std::string(text)};
  std::size_t number = 0;
  for (std::string content; std::getline(lines, content);) {
    ++number;
    if (content.find_first_not_of(" \r") == std::string::npos) continue;
    Line line(content, number);
    read_line(line, spec);
  }
  validate(spec);
  return spec;
}

}  // namespace rl
