// Tokens to the tree of a template, by jinja2's grammar. Unknown tags, filters and tests are Failures
// here, with their line, not when they are first met.
#pragma once

#include <string_view>
#include <vector>

#include "src/text/jinja_ast.h"
#include "src/text/jinja_lexer.h"

namespace rl::text::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Block parse();

 private:
  class Nesting;  // bounds recursion

  // Tokens.
  const Token& current() const { return tokens_[next_]; }
  const Token& look() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
  Token take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_symbol(std::string_view text) const;
  bool at_name(std::string_view text) const;
  bool skip_symbol(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_symbol(std::string_view text);
  void expect_name(std::string_view text);
  void expect(TokenKind kind, const char* described);
  std::string take_name(const char* described);
  [[noreturn]] void unexpected(const std::string& expected) const;
  [[noreturn]] void fail_at(int line, const std::string& what, const std::string& expected = {},
                            const std::string& got = {}, const std::string& remedy = {}) const;

  // Expressions.
  ExpressionPtr node(ExpressionKind kind, int line) const;
  ExpressionPtr finish(ExpressionPtr expression) const;  // sets and bounds the height
  template <class Operand, class IsOperator>
  ExpressionPtr left_associative(Operand operand, IsOperator is_operator);
  ExpressionPtr expression();
  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr compare();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters = true);
  ExpressionPtr primary();
  ExpressionPtr name_or_constant();
  ExpressionPtr literal();
  ExpressionPtr tuple_or_single(bool parentheses);
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr object);
  ExpressionPtr filters_and_tests(ExpressionPtr value);
  ExpressionPtr filter(ExpressionPtr value);
  ExpressionPtr test(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr bracket(ExpressionPtr object, int line);
  ExpressionPtr call(ExpressionPtr callee);
  CallArguments call_arguments();

  // Statements.
  Block block(std::initializer_list<std::string_view> ends);  // stops at the end's name
  Block block_until(std::string_view end);                    // and takes "end %}"
  void end_tag(std::string_view name);
  Statement output();
  Statement statement();
  Statement condition(int line);
  Statement loop(int line);
  Statement set(int line);
  Statement macro(int line);
  Statement call_block(int line);
  Statement filter_block(int line);
  Statement with(int line);
  Statement loop_control(int line, StatementKind kind, const std::string& name);
  std::vector<Parameter> parameters();
  std::unique_ptr<MacroDefinition> macro_body(std::string name, std::vector<Parameter> parameters,
                                              std::string_view end);
  Target target();
  Target single_target();

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;                   // around the current statement
  std::vector<MacroDefinition*> macros_{};  // around the current expression
};

// Names known to the engine, sorted.
bool is_filter(std::string_view name);
bool is_test(std::string_view name);
std::vector<std::string> filter_names();
std::vector<std::string> test_names();

}  // namespace rl::text::jinja
