// Template source to tokens, as jinja2.lexer does with trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rl::text::jinja {

enum class TokenKind {
  text,            // outside of tags
  expression_begin,
  expression_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  real,
  symbol,          // operators and brackets
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text{};  // unescaped for strings
  int line = 1;
  std::int64_t integer = 0;
  double real = 0;
};

// "end of template", "name 'x'", ...
std::string describe(const Token& token);

// Throws Failure with its line.
std::vector<Token> tokenize(std::string_view source);

}  // namespace rl::text::jinja
