// str(), repr() and JSON of values.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "src/text/jinja_operations.h"
#include "src/text/jinja_text.h"

namespace rl::text::jinja {
namespace {

void print_items(TextBuilder& out, const Sequence& items) {
  if (items.kind != SequenceKind::list && items.kind != SequenceKind::tuple) {
    fail("a generator or view cannot be printed", "a list: add |list");
  }
  const bool tuple = items.kind == SequenceKind::tuple;
  out << (tuple ? "(" : "[");
  for (std::size_t i = 0; i < items.items.size(); ++i) {
    if (i > 0) out << ", ";
    print_repr(out, items.items[i]);
  }
  out << (tuple && items.items.size() == 1 ? ",)" : tuple ? ")" : "]");
}

void print_dict(TextBuilder& out, const Dict& dict) {
  out << "{";
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    if (!first) out << ", ";
    first = false;
    print_repr(out, key);
    out << ": ";
    print_repr(out, value);
  }
  out << "}";
}

// Digits and exponent of the shortest text that reads back as `value`.
std::string lay_out(const std::string& digits, int exponent) {
  if (exponent < -4 || exponent >= 16) {
    std::string text = digits.substr(0, 1);
    if (digits.size() > 1) text += "." + digits.substr(1);
    const std::string power = std::to_string(std::abs(exponent));
    return text + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  const auto point = static_cast<std::size_t>(std::max(exponent + 1, 0));
  if (exponent < 0) return "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (digits.size() <= point) return digits + std::string(point - digits.size(), '0') + ".0";
  return digits.substr(0, point) + "." + digits.substr(point);
}

void json_text(TextBuilder& out, std::string_view text, bool ascii) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const auto escape = [&out](char32_t unit) {
    const std::array<char, 6> code = {'\\', 'u', kHex[(unit >> 12) & 15], kHex[(unit >> 8) & 15],
                                      kHex[(unit >> 4) & 15], kHex[unit & 15]};
    out << std::string_view(code.data(), code.size());
  };
  out << "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto piece = text.substr(i, character_bytes(text[i]));
    i += piece.size();
    const char32_t c = character_at(piece);
    static constexpr std::string_view kShort = "\"\\\n\r\t\b\f";
    static constexpr std::string_view kNames = "\"\\nrtbf";
    const std::size_t known = piece.size() == 1 ? kShort.find(piece[0]) : kShort.npos;
    if (known != kShort.npos) {
      out << "\\" << kNames.substr(known, 1);
    } else if (c < 0x20 || (ascii && c >= 0x7F && c < 0x10000)) {
      escape(c);
    } else if (ascii && c >= 0x10000) {
      escape(0xD800 + ((c - 0x10000) >> 10));
      escape(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      out << piece;
    }
  }
  out << "\"";
}

class JsonPrinter {
 public:
  JsonPrinter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  void print(const Value& value) {
    out_.budget().spend(1);
    if (const auto* text = value.text()) {
      json_text(out_, *text, style_.ascii);
    } else if (value.is_none()) {
      out_ << "null";
    } else if (const auto* flag = value.get<bool>()) {
      out_ << (*flag ? "true" : "false");
    } else if (const auto* whole = value.get<std::int64_t>()) {
      out_ << std::to_string(*whole);
    } else if (const auto* real = value.get<double>()) {
      out_ << json_real(*real);
    } else if (const auto* dict = value.dict()) {
      entries(*dict);
    } else if (const auto* items = value.sequence();
               items != nullptr && items->kind <= SequenceKind::tuple) {
      list(*items);
    } else {
      fail("a value cannot be written as JSON", "text, numbers, lists and dicts", describe(value));
    }
  }

 private:
  static std::string json_real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return real_text(value);
  }

  static std::string key_text(const Value& key) {
    if (const auto* text = key.text()) return *text;
    if (key.is_none()) return "null";
    if (const auto* flag = key.get<bool>()) return *flag ? "true" : "false";
    if (const auto* whole = key.get<std::int64_t>()) return std::to_string(*whole);
    return json_real(*key.get<double>());
  }

  void list(const Sequence& items) {
    open("[");
    bool first = true;
    for (const Value& item : items.items) {
      next(first);
      print(item);
    }
    close("]", first);
  }

  void entries(const Dict& dict) {
    std::vector<const Dict::Entry*> all;
    for (const auto& entry : dict.entries()) all.push_back(&entry);
    if (style_.sort_keys) {
      std::ranges::stable_sort(all, [this](const Dict::Entry* a, const Dict::Entry* b) {
        return less(out_.budget(), a->first, b->first);
      });
    }
    open("{");
    bool first = true;
    for (const auto* entry : all) {
      next(first);
      json_text(out_, key_text(entry->first), style_.ascii);
      out_ << style_.key_separator;
      print(entry->second);
    }
    close("}", first);
  }

  void open(std::string_view bracket) {
    out_ << bracket;
    ++level_;
  }
  void next(bool& first) {
    if (!first) out_ << style_.item_separator;
    first = false;
    new_line();
  }
  void close(std::string_view bracket, bool empty) {
    --level_;
    if (!empty) new_line();
    out_ << bracket;
  }
  void new_line() {
    if (!style_.indent) return;
    out_ << "\n";
    for (int i = 0; i < level_; ++i) out_ << *style_.indent;
  }

  TextBuilder& out_;
  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const std::string text(buffer.data(), end);
  const std::size_t mark = text.find('e');
  std::string digits = text.substr(0, mark);
  std::erase(digits, '.');
  const char* sign = std::signbit(value) ? "-" : "";
  return sign + lay_out(digits, std::stoi(text.substr(mark + 1)));
}

void print(TextBuilder& out, const Value& value) {
  if (const auto* text = value.text()) {
    out << *text;
  } else if (!value.is_undefined()) {
    print_repr(out, value);
  }
}

void print_repr(TextBuilder& out, const Value& value) {
  out.budget().spend(1);
  if (const auto* text = value.text()) {
    out.budget().spend_text(text->size());
    out << quoted(*text);
  } else if (value.is_none()) {
    out << "None";
  } else if (value.is_undefined()) {
    out << "Undefined";
  } else if (const auto* flag = value.get<bool>()) {
    out << (*flag ? "True" : "False");
  } else if (const auto* whole = value.get<std::int64_t>()) {
    out << std::to_string(*whole);
  } else if (const auto* real = value.get<double>()) {
    out << real_text(*real);
  } else if (const auto* items = value.sequence()) {
    print_items(out, *items);
  } else if (const auto* dict = value.dict()) {
    print_dict(out, *dict);
  } else {
    fail("this cannot be printed", "text, numbers, lists and dicts", describe(value));
  }
}

std::string to_text(Budget& budget, const Value& value) {
  TextBuilder out(budget);
  print(out, value);
  return out.take();
}

void print_json(TextBuilder& out, const Value& value, const JsonStyle& style) {
  JsonPrinter(out, style).print(value);
}

}  // namespace rl::text::jinja
