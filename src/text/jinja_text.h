// Python's str over UTF-8: white space, code points, case, escapes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rl::text::jinja {

// Bytes of the character that starts with `first` (1 for anything malformed).
std::size_t character_bytes(char first);
// The character at the start of `text`, which is not empty.
char32_t character_at(std::string_view text);
void append_utf8(std::string& text, char32_t character);
bool is_utf8(std::string_view text);

std::size_t length(std::string_view text);  // in code points
std::vector<std::string_view> characters(std::string_view text);

bool is_space(char32_t character);                // str.isspace
std::size_t space_prefix(std::string_view text);  // bytes of leading white space
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
// Strips any of the characters in `set` (Python's strip(chars)).
std::string_view strip_left(std::string_view text, std::string_view set);
std::string_view strip_right(std::string_view text, std::string_view set);

// Bytes before the first line break of str.splitlines, and of the break that `text` starts with.
std::size_t line_end(std::string_view text);
std::size_t line_break(std::string_view text);

// Linear in both lengths, whatever they hold. npos when absent.
std::size_t find(std::string_view text, std::string_view piece, std::size_t from = 0);

std::string lower(std::string_view text);
std::string upper(std::string_view text);
std::string capitalize(std::string_view text);
std::string title_method(std::string_view text);  // str.title
std::string title_filter(std::string_view text);  // jinja2's filter: words part at space and -({[<
bool is_letter(char32_t character);
bool is_printable(char32_t character);

// A string literal's body; nothing when an escape is malformed.
std::optional<std::string> unescape(std::string_view body);
// Python's repr of a string.
std::string quoted(std::string_view text);

}  // namespace rl::text::jinja
