#include "src/text/jinja_text.h"

#include <string.h>  // memmem
#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace rl::text::jinja {
namespace {

const utf8proc_uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

utf8proc_category_t category(char32_t character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool is_in(std::string_view character, std::string_view set) {
  for (std::size_t i = 0; i < set.size(); i += character_bytes(set[i])) {
    if (set.substr(i, character_bytes(set[i])) == character) return true;
  }
  return false;
}

std::size_t last_character(std::string_view text) {
  std::size_t start = text.size() - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
  return start;
}

void append_lower(std::string& out, char32_t character) {
  append_utf8(out, static_cast<char32_t>(
                       utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
}

void append_upper(std::string& out, char32_t character) {
  if (character == U'ß') {  // the one common letter that becomes two
    out += "SS";
    return;
  }
  append_utf8(out, static_cast<char32_t>(
                       utf8proc_toupper(static_cast<utf8proc_int32_t>(character))));
}

void append_title(std::string& out, char32_t character) {
  append_utf8(out, static_cast<char32_t>(
                       utf8proc_totitle(static_cast<utf8proc_int32_t>(character))));
}

bool is_cased(char32_t character) {
  const auto kind = category(character);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
         kind == UTF8PROC_CATEGORY_LT;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads `count` hexadecimal digits at `at`, and moves behind them.
std::optional<char32_t> hex(std::string_view text, std::size_t& at, std::size_t count) {
  if (text.size() - at < count) return std::nullopt;
  char32_t value = 0;
  for (const std::size_t end = at + count; at < end; ++at) {
    const int digit = hex_digit(text[at]);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return surrogate || value > 0x10FFFF ? std::nullopt : std::optional(value);
}

char32_t octal(std::string_view text, std::size_t& at) {
  char32_t value = 0;
  for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i, ++at) {
    value = value * 8 + static_cast<char32_t>(text[at] - '0');
  }
  return value;
}

}  // namespace

std::size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

char32_t character_at(std::string_view text) {
  utf8proc_int32_t character = 0;
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  utf8proc_iterate(bytes(text), size, &character);
  return character < 0 ? U'\uFFFD' : static_cast<char32_t>(character);
}

void append_utf8(std::string& text, char32_t character) {
  std::array<utf8proc_uint8_t, 4> encoded{};
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), encoded.data());
  text.append(encoded.begin(), encoded.begin() + count);
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    utf8proc_int32_t character = 0;
    const auto rest = text.substr(i);
    const auto count =
        utf8proc_iterate(bytes(rest), static_cast<utf8proc_ssize_t>(rest.size()), &character);
    if (count <= 0) return false;
    i += static_cast<std::size_t>(count);
  }
  return true;
}

std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> all;
  for (std::size_t i = 0; i < text.size(); i += character_bytes(text[i])) {
    all.push_back(text.substr(i, character_bytes(text[i])));
  }
  return all;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

std::size_t space_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_space(character_at(text.substr(i, character_bytes(text[i]))))) {
    i += character_bytes(text[i]);
  }
  return i;
}

std::string_view strip_left(std::string_view text) { return text.substr(space_prefix(text)); }

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    const std::size_t last = last_character(text);
    if (!is_space(character_at(text.substr(last)))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view strip_left(std::string_view text, std::string_view set) {
  while (!text.empty() && is_in(text.substr(0, character_bytes(text[0])), set)) {
    text = text.substr(character_bytes(text[0]));
  }
  return text;
}

std::string_view strip_right(std::string_view text, std::string_view set) {
  while (!text.empty() && is_in(text.substr(last_character(text)), set)) {
    text = text.substr(0, last_character(text));
  }
  return text;
}

std::size_t find(std::string_view text, std::string_view piece, std::size_t from) {
  if (from > text.size()) return text.npos;
  if (piece.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, piece.data(), piece.size());
  if (found == nullptr) return text.npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t line_break(std::string_view text) {
  if (text.empty()) return 0;
  if (text.starts_with("\r\n")) return 2;
  const char32_t c = character_at(text.substr(0, character_bytes(text[0])));
  const bool breaks = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                      c == 0x2028 || c == 0x2029;
  return breaks ? character_bytes(text[0]) : 0;
}

std::size_t line_end(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && line_break(text.substr(end)) == 0) end += character_bytes(text[end]);
  return end;
}

std::string lower(std::string_view text) {
  std::string out;
  for (const auto character : characters(text)) append_lower(out, character_at(character));
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  for (const auto character : characters(text)) append_upper(out, character_at(character));
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const std::size_t first = character_bytes(text[0]);
  std::string out;
  append_title(out, character_at(text));
  return out + lower(text.substr(first));
}

std::string title_method(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const auto piece : characters(text)) {
    const char32_t character = character_at(piece);
    inside ? append_lower(out, character) : append_title(out, character);
    inside = is_cased(character);
  }
  return out;
}

std::string title_filter(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const auto piece : characters(text)) {
    const char32_t character = character_at(piece);
    const bool parts = is_space(character) ||
                       (piece.size() == 1 && std::string_view("-({[<").find(piece[0]) != piece.npos);
    inside ? append_lower(out, character) : append_upper(out, character);
    inside = !parts;
  }
  return out;
}

bool is_letter(char32_t character) {
  const auto kind = category(character);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_printable(char32_t character) {
  const auto kind = category(character);
  return character == ' ' ||
         !(kind == UTF8PROC_CATEGORY_CN || kind >= UTF8PROC_CATEGORY_ZS);  // Z*, C*
}

std::optional<std::string> unescape(std::string_view body) {
  static constexpr std::string_view kNames = "abfnrtv\\'\"";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  std::string out;
  for (std::size_t i = 0; i < body.size();) {
    if (body[i] != '\\' || i + 1 >= body.size()) {
      out += body[i++];
      continue;
    }
    const char name = body[++i];
    if (const std::size_t known = kNames.find(name); known != kNames.npos) {
      out += kMeanings[known];
      ++i;
    } else if (name == '\n') {  // a line continued
      ++i;
    } else if (name == 'x' || name == 'u' || name == 'U') {
      const auto character = hex(body, ++i, name == 'x' ? 2 : name == 'u' ? 4 : 8);
      if (!character) return std::nullopt;
      append_utf8(out, *character);
    } else if (name >= '0' && name <= '7') {
      append_utf8(out, octal(body, i));
    } else {
      out += '\\';  // an unknown escape stays as it is
    }
  }
  return out;
}

std::string quoted(std::string_view text) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out(1, quote);
  for (const auto piece : characters(text)) {
    const char32_t c = character_at(piece);
    if (piece[0] == quote || c == '\\') {
      (out += '\\') += piece;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (is_printable(c)) {
      out += piece;
    } else {
      const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
      (out += '\\') += digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
      for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(c >> shift) & 15];
    }
  }
  return out + quote;
}

}  // namespace rl::text::jinja
