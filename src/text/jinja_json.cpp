// JSON to values, keys in the order of the text.
#include <nlohmann/json.hpp>

#include "src/text/jinja_operations.h"

namespace rl::text::jinja {
namespace {

using nlohmann::json;

class Reader {
 public:
  using number_integer_t = json::number_integer_t;
  using number_unsigned_t = json::number_unsigned_t;
  using number_float_t = json::number_float_t;
  using string_t = json::string_t;
  using binary_t = json::binary_t;

  explicit Reader(Budget& budget) : budget_(budget) {}

  bool null() { return add(Value(None{})); }
  bool boolean(bool value) { return add(Value(value)); }
  bool number_integer(number_integer_t value) { return add(Value(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      too_large(std::to_string(value));
    }
    return add(Value(static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& text) {
    if (text.find_first_of(".eE") == text.npos) too_large(text.substr(0, 40));
    return add(Value(double{value}));
  }
  bool string(string_t& text) {
    budget_.spend_text(text.size());
    return add(Value(std::move(text)));
  }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return open(true); }
  bool start_array(std::size_t) { return open(false); }
  bool key(string_t& text) {
    levels_.back().key = std::move(text);
    return true;
  }
  bool end_object() {
    auto dict = std::move(levels_.back().dict);
    levels_.pop_back();
    return add(Value(std::shared_ptr<const Dict>(std::move(dict))));
  }
  bool end_array() {
    auto items = std::move(levels_.back().items);
    levels_.pop_back();
    return add(make_sequence(budget_, std::move(items)));
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    fail("the JSON is malformed", "strict JSON", "an error near byte " + std::to_string(position));
  }

  Value take() { return std::move(root_); }

 private:
  struct Level {
    std::shared_ptr<Dict> dict{};  // null in a list
    std::string key{};
    std::vector<Value> items{};
  };

  [[noreturn]] static void too_large(const std::string& text) {
    fail("a whole number in the JSON is too large", "at most 64 bits", text);
  }

  bool open(bool object) {
    if (levels_.size() >= ChatTemplate::kMaxDepth) {
      fail("the JSON nests too deeply",
           "at most " + std::to_string(ChatTemplate::kMaxDepth) + " levels", "more");
    }
    levels_.push_back({.dict = object ? std::make_shared<Dict>() : nullptr});
    return true;
  }

  bool add(Value value) {
    budget_.spend(1);
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (levels_.back().dict) {
      levels_.back().dict->set(budget_, Value(levels_.back().key), std::move(value));
    } else {
      levels_.back().items.push_back(std::move(value));
    }
    return true;
  }

  Budget& budget_;
  std::vector<Level> levels_{};
  Value root_{};
};

}  // namespace

Value parse_json(Budget& budget, std::string_view text) {
  // The JSON library skips a byte order mark and takes a NUL for the end.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != text.npos) {
    fail("the JSON is malformed", "strict JSON", "a byte order mark or a NUL");
  }
  Reader reader(budget);
  json::sax_parse(text.begin(), text.end(), &reader);
  return reader.take();
}

}  // namespace rl::text::jinja
