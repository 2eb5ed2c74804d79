#include <array>
#include <functional>

#include "rl/core/suggest.h"
#include "src/text/jinja_parser.h"
#include "src/text/jinja_parser_nesting.h"

namespace rl::text::jinja {
namespace {

constexpr std::array<std::string_view, 6> kComparisons = {"==", "!=", ">=", "<=", ">", "<"};

int tallest(const std::vector<ExpressionPtr>& expressions) {
  int height = 0;
  for (const auto& one : expressions) height = std::max(height, one ? one->height : 0);
  return height;
}

int tallest(const CallArguments& arguments) {
  int height = tallest(arguments.positional);
  for (const auto& [name, value] : arguments.named) height = std::max(height, value->height);
  if (arguments.star) height = std::max(height, arguments.star->height);
  if (arguments.double_star) height = std::max(height, arguments.double_star->height);
  return height;
}

}  // namespace

ExpressionPtr Parser::node(ExpressionKind kind, int line) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = line;
  return made;
}

ExpressionPtr Parser::finish(ExpressionPtr made) const {
  made->height = 1 + std::max(tallest(made->operands), tallest(made->arguments));
  if (made->height > static_cast<int>(ChatTemplate::kMaxDepth)) {
    fail_at(made->line, "an expression is too long or nests too deeply",
            "at most " + std::to_string(ChatTemplate::kMaxDepth) + " levels", "more",
            "join long chains of + with ~");
  }
  return made;
}

template <class Operand, class IsOperator>
ExpressionPtr Parser::left_associative(Operand operand, IsOperator is_operator) {
  ExpressionPtr left = std::invoke(operand, this);
  while (at(TokenKind::symbol) && is_operator(current().text)) {
    auto made = node(ExpressionKind::arithmetic, current().line);
    made->text = take().text;
    made->operands.push_back(std::move(left));
    made->operands.push_back(std::invoke(operand, this));
    left = finish(std::move(made));
  }
  return left;
}

ExpressionPtr Parser::expression() {
  const Nesting nesting(*this);
  ExpressionPtr value = logical_or();
  while (at_name("if")) {
    auto made = node(ExpressionKind::condition, take().line);
    made->operands.push_back(logical_or());
    made->operands.push_back(std::move(value));
    made->operands.push_back(skip_name("else") ? expression() : nullptr);
    value = finish(std::move(made));
  }
  return value;
}

ExpressionPtr Parser::logical_or() {
  ExpressionPtr left = logical_and();
  while (at_name("or")) {
    auto made = node(ExpressionKind::logical_or, take().line);
    made->operands.push_back(std::move(left));
    made->operands.push_back(logical_and());
    left = finish(std::move(made));
  }
  return left;
}

ExpressionPtr Parser::logical_and() {
  ExpressionPtr left = logical_not();
  while (at_name("and")) {
    auto made = node(ExpressionKind::logical_and, take().line);
    made->operands.push_back(std::move(left));
    made->operands.push_back(logical_not());
    left = finish(std::move(made));
  }
  return left;
}

ExpressionPtr Parser::logical_not() {
  if (!at_name("not")) return compare();
  const Nesting nesting(*this);
  auto made = node(ExpressionKind::logical_not, take().line);
  made->operands.push_back(logical_not());
  return finish(std::move(made));
}

ExpressionPtr Parser::compare() {
  auto made = node(ExpressionKind::compare, current().line);
  made->operands.push_back(sum());
  while (true) {
    if (at(TokenKind::symbol) && std::ranges::count(kComparisons, current().text) > 0) {
      made->operators.push_back(take().text);
    } else if (skip_name("in")) {
      made->operators.emplace_back("in");
    } else if (at_name("not") && look().kind == TokenKind::name && look().text == "in") {
      take();
      take();
      made->operators.emplace_back("not in");
    } else {
      break;
    }
    made->operands.push_back(sum());
  }
  return made->operators.empty() ? std::move(made->operands[0]) : finish(std::move(made));
}

ExpressionPtr Parser::sum() {
  return left_associative(&Parser::concatenation,
                          [](std::string_view text) { return text == "+" || text == "-"; });
}

ExpressionPtr Parser::concatenation() {
  ExpressionPtr first = product();
  if (!at_symbol("~")) return first;
  auto made = node(ExpressionKind::concatenate, current().line);
  made->operands.push_back(std::move(first));
  while (skip_symbol("~")) made->operands.push_back(product());
  return finish(std::move(made));
}

ExpressionPtr Parser::product() {
  return left_associative(&Parser::power, [](std::string_view text) {
    return text == "*" || text == "/" || text == "//" || text == "%";
  });
}

ExpressionPtr Parser::power() {
  return left_associative([](Parser* parser) { return parser->unary(); },
                          [](std::string_view text) { return text == "**"; });
}

ExpressionPtr Parser::unary(bool with_filters) {
  ExpressionPtr value;
  if (at_symbol("-") || at_symbol("+")) {
    const Nesting nesting(*this);
    const Token sign = take();
    value = node(sign.text == "-" ? ExpressionKind::negate : ExpressionKind::plus, sign.line);
    value->operands.push_back(unary(false));
    value = finish(std::move(value));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr Parser::primary() {
  if (at(TokenKind::name)) return name_or_constant();
  if (at(TokenKind::string) || at(TokenKind::integer) || at(TokenKind::real)) return literal();
  if (skip_symbol("(")) {
    ExpressionPtr inside = tuple_or_single(true);
    expect_symbol(")");
    return inside;
  }
  if (at_symbol("[")) return list();
  if (at_symbol("{")) return dict();
  unexpected("an expression");
}

ExpressionPtr Parser::name_or_constant() {
  const Token token = take();
  auto made = node(ExpressionKind::constant, token.line);
  if (token.text == "true" || token.text == "True") {
    made->constant = Value(true);
  } else if (token.text == "false" || token.text == "False") {
    made->constant = Value(false);
  } else if (token.text == "none" || token.text == "None") {
    made->constant = Value(None{});
  } else {
    made->kind = ExpressionKind::name;
    made->text = token.text;
    for (MacroDefinition* macro : macros_) {
      if (token.text == "varargs") macro->uses_varargs = true;
      if (token.text == "kwargs") macro->uses_kwargs = true;
      if (token.text == "caller") macro->uses_caller = true;
    }
  }
  return made;
}

ExpressionPtr Parser::literal() {
  Token token = take();
  auto made = node(ExpressionKind::constant, token.line);
  if (token.kind == TokenKind::integer) {
    made->constant = Value(token.integer);
  } else if (token.kind == TokenKind::real) {
    made->constant = Value(token.real);
  } else {
    while (at(TokenKind::string)) token.text += take().text;
    made->constant = Value(std::move(token.text));
  }
  return made;
}

// "a" is itself, "a," and "a, b" are tuples, and "()" is one too.
ExpressionPtr Parser::tuple_or_single(bool parentheses) {
  auto made = node(ExpressionKind::tuple, current().line);
  bool is_tuple = false;
  const auto at_end = [this] {
    return at(TokenKind::expression_end) || at(TokenKind::block_end) || at_symbol(")");
  };
  while (!at_end()) {
    made->operands.push_back(expression());
    if (!skip_symbol(",")) break;
    is_tuple = true;
  }
  if (is_tuple || (made->operands.empty() && parentheses)) return finish(std::move(made));
  if (made->operands.empty()) unexpected("an expression");
  return std::move(made->operands[0]);
}

ExpressionPtr Parser::list() {
  auto made = node(ExpressionKind::list, take().line);
  while (!at_symbol("]")) {
    made->operands.push_back(expression());
    if (!skip_symbol(",")) break;
  }
  expect_symbol("]");
  return finish(std::move(made));
}

ExpressionPtr Parser::dict() {
  auto made = node(ExpressionKind::dict, take().line);
  while (!at_symbol("}")) {
    made->operands.push_back(expression());
    expect_symbol(":");
    made->operands.push_back(expression());
    if (!skip_symbol(",")) break;
  }
  expect_symbol("}");
  return finish(std::move(made));
}

ExpressionPtr Parser::postfix(ExpressionPtr object) {
  while (true) {
    if (at_symbol(".") || at_symbol("[")) {
      object = subscript(std::move(object));
    } else if (at_symbol("(")) {
      object = call(std::move(object));
    } else {
      return object;
    }
  }
}

ExpressionPtr Parser::filters_and_tests(ExpressionPtr value) {
  while (true) {
    if (at_symbol("|")) {
      take();
      value = filter(std::move(value));
    } else if (at_name("is")) {
      value = test(std::move(value));
    } else if (at_symbol("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr Parser::filter(ExpressionPtr value) {
  auto made = node(ExpressionKind::filter, current().line);
  made->text = take_name("a filter's name");
  if (!is_filter(made->text)) {
    fail_at(made->line, "there is no filter '" + made->text + "'", "a filter this engine knows", "",
            suggest(made->text, filter_names()));
  }
  made->operands.push_back(std::move(value));
  if (at_symbol("(")) made->arguments = call_arguments();
  return finish(std::move(made));
}

ExpressionPtr Parser::test(ExpressionPtr value) {
  const int line = take().line;  // is
  const bool negated = skip_name("not");
  auto made = node(ExpressionKind::test, line);
  made->text = take_name("a test's name");
  if (!is_test(made->text)) {
    fail_at(line, "there is no test '" + made->text + "'", "a test this engine knows", "",
            suggest(made->text, test_names()));
  }
  made->operands.push_back(std::move(value));
  const bool is_keyword = at_name("else") || at_name("or") || at_name("and");
  if (at_symbol("(")) {
    made->arguments = call_arguments();
  } else if ((at(TokenKind::name) && !is_keyword) || at(TokenKind::string) ||
             at(TokenKind::integer) || at(TokenKind::real) || at_symbol("[") || at_symbol("{")) {
    if (at_name("is")) fail_at(line, "tests cannot be chained with is");
    const Nesting nesting(*this);
    made->arguments.positional.push_back(postfix(primary()));
  }
  made = finish(std::move(made));
  if (!negated) return made;
  auto inverted = node(ExpressionKind::logical_not, line);
  inverted->operands.push_back(std::move(made));
  return finish(std::move(inverted));
}

ExpressionPtr Parser::subscript(ExpressionPtr object) {
  const Token token = take();
  if (token.text == "[") return bracket(std::move(object), token.line);
  auto made = node(ExpressionKind::attribute, token.line);
  made->operands.push_back(std::move(object));
  if (at(TokenKind::name)) {
    made->text = take().text;
  } else if (at(TokenKind::integer)) {
    made->kind = ExpressionKind::item;
    made->operands.push_back(literal());
  } else {
    unexpected("a name or a whole number after '.'");
  }
  return finish(std::move(made));
}

ExpressionPtr Parser::bracket(ExpressionPtr object, int line) {
  auto made = node(ExpressionKind::item, line);
  made->operands.push_back(std::move(object));
  if (!at_symbol(":")) made->operands.push_back(expression());
  if (at_symbol(":")) {
    made->kind = ExpressionKind::slice;
    made->operands.resize(2);
    for (int part = 0; part < 2 && skip_symbol(":"); ++part) {
      const bool empty = at_symbol(":") || at_symbol("]");
      made->operands.push_back(empty ? nullptr : expression());
    }
    made->operands.resize(4);
  }
  expect_symbol("]");
  return finish(std::move(made));
}

ExpressionPtr Parser::call(ExpressionPtr callee) {
  auto made = node(ExpressionKind::call, current().line);
  made->operands.push_back(std::move(callee));
  made->arguments = call_arguments();
  return finish(std::move(made));
}

CallArguments Parser::call_arguments() {
  CallArguments arguments;
  expect_symbol("(");
  while (!at_symbol(")")) {
    const int line = current().line;
    if (arguments.double_star) fail_at(line, "nothing may follow a ** argument");
    if (skip_symbol("**")) {
      arguments.double_star = expression();
    } else if (skip_symbol("*")) {
      if (arguments.star) fail_at(line, "a call has two * arguments");
      arguments.star = expression();
    } else if (at(TokenKind::name) && look().kind == TokenKind::symbol && look().text == "=") {
      std::string name = take().text;
      take();
      arguments.named.emplace_back(std::move(name), expression());
    } else {
      if (arguments.star || !arguments.named.empty()) {
        fail_at(line, "an argument by position follows one by name");
      }
      arguments.positional.push_back(expression());
    }
    if (!skip_symbol(",")) break;
  }
  expect_symbol(")");
  return arguments;
}

}  // namespace rl::text::jinja
