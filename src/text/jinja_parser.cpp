#include "src/text/jinja_parser.h"

#include "rl/core/suggest.h"
#include "src/text/jinja_parser_nesting.h"

namespace rl::text::jinja {
namespace {

const std::vector<std::string> kTags = {"if",     "for",  "set",   "macro",    "call", "filter",
                                        "with",   "break", "continue", "generation", "raw"};

std::string joined(std::initializer_list<std::string_view> names) {
  std::string text;
  for (const auto name : names) text += (text.empty() ? "" : " or ") + std::string(name);
  return text;
}

}  // namespace

// ---- tokens ----

bool Parser::at_symbol(std::string_view text) const {
  return at(TokenKind::symbol) && current().text == text;
}

bool Parser::at_name(std::string_view text) const {
  return at(TokenKind::name) && current().text == text;
}

bool Parser::skip_symbol(std::string_view text) {
  if (!at_symbol(text)) return false;
  take();
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!at_name(text)) return false;
  take();
  return true;
}

void Parser::expect_symbol(std::string_view text) {
  if (!skip_symbol(text)) unexpected("'" + std::string(text) + "'");
}

void Parser::expect_name(std::string_view text) {
  if (!skip_name(text)) unexpected("'" + std::string(text) + "'");
}

void Parser::expect(TokenKind kind, const char* described) {
  if (!at(kind)) unexpected(described);
  take();
}

std::string Parser::take_name(const char* described) {
  if (!at(TokenKind::name)) unexpected(described);
  return take().text;
}

void Parser::unexpected(const std::string& expected) const {
  fail_at(current().line, "the template is malformed", expected, describe(current()));
}

void Parser::fail_at(int line, const std::string& what, const std::string& expected,
                     const std::string& got, const std::string& remedy) const {
  throw Failure{
      {.where = {}, .what = what, .expected = expected, .got = got, .remedy = remedy}, line};
}

// ---- statements ----

Block Parser::parse() { return block({}); }

Block Parser::block(std::initializer_list<std::string_view> ends) {
  const Nesting nesting(*this);
  Block statements;
  while (true) {
    if (at(TokenKind::end)) {
      if (ends.size() == 0) return statements;
      unexpected("{% " + joined(ends) + " %}");
    } else if (at(TokenKind::text)) {
      const Token token = take();
      statements.push_back(
          {.kind = StatementKind::text, .line = token.line, .text = token.text});
    } else if (at(TokenKind::expression_begin)) {
      statements.push_back(output());
    } else {
      take();  // {%
      if (at(TokenKind::name) && std::ranges::count(ends, current().text) > 0) return statements;
      statements.push_back(statement());
    }
  }
}

Block Parser::block_until(std::string_view end) {
  Block statements = block({end});
  end_tag(end);
  return statements;
}

void Parser::end_tag(std::string_view name) {
  expect_name(name);
  expect(TokenKind::block_end, "'%}'");
}

Statement Parser::output() {
  Statement made{.kind = StatementKind::output, .line = take().line};
  made.expression = tuple_or_single(false);
  expect(TokenKind::expression_end, "'}}'");
  return made;
}

Statement Parser::statement() {
  const int line = current().line;
  const std::string tag = take_name("a tag's name");
  if (tag == "if") return condition(line);
  if (tag == "for") return loop(line);
  if (tag == "set") return set(line);
  if (tag == "macro") return macro(line);
  if (tag == "call") return call_block(line);
  if (tag == "filter") return filter_block(line);
  if (tag == "with") return with(line);
  if (tag == "break") return loop_control(line, StatementKind::loop_break, tag);
  if (tag == "continue") return loop_control(line, StatementKind::loop_continue, tag);
  if (tag == "generation") {
    Statement made{.kind = StatementKind::scope, .line = line};
    expect(TokenKind::block_end, "'%}'");
    const std::size_t outer = std::exchange(loops_, 0);
    made.body = block_until("endgeneration");
    loops_ = outer;
    return made;
  }
  fail_at(line, "there is no tag '" + tag + "' here", "a tag this engine knows", "",
          suggest(tag, kTags));
}

Statement Parser::condition(int line) {
  Statement made{.kind = StatementKind::condition, .line = line};
  bool otherwise = false;
  while (true) {
    Branch branch;
    if (!otherwise) branch.condition = tuple_or_single(false);
    expect(TokenKind::block_end, "'%}'");
    branch.body = otherwise ? block({"endif"}) : block({"elif", "else", "endif"});
    made.branches.push_back(std::move(branch));
    const std::string tag = take().text;
    if (tag == "endif") break;
    otherwise = tag == "else";
  }
  expect(TokenKind::block_end, "'%}'");
  return made;
}

Statement Parser::loop(int line) {
  Statement made{.kind = StatementKind::loop, .line = line};
  made.target = target();
  expect_name("in");
  // Not expression(): "if" belongs to the loop.
  auto items = node(ExpressionKind::tuple, current().line);
  items->operands.push_back(logical_or());
  while (skip_symbol(",")) {
    items->operators.emplace_back(",");
    if (at(TokenKind::block_end)) break;
    items->operands.push_back(logical_or());
  }
  made.expression =
      items->operators.empty() ? std::move(items->operands[0]) : finish(std::move(items));
  if (skip_name("if")) made.condition = expression();
  if (at_name("recursive")) {
    fail_at(line, "recursive loops are not supported", "", "", "use a macro that calls itself");
  }
  expect(TokenKind::block_end, "'%}'");
  ++loops_;
  made.body = block({"endfor", "else"});
  --loops_;
  if (skip_name("else")) {
    expect(TokenKind::block_end, "'%}'");
    made.otherwise = block({"endfor"});
  }
  end_tag("endfor");
  return made;
}

Statement Parser::loop_control(int line, StatementKind kind, const std::string& name) {
  if (loops_ == 0) fail_at(line, "'" + name + "' outside of a loop");
  expect(TokenKind::block_end, "'%}'");
  return {.kind = kind, .line = line};
}

Target Parser::single_target() {
  const Nesting nesting(*this);
  if (skip_symbol("(")) {
    Target inside = target();
    expect_symbol(")");
    return inside;
  }
  Target made{.name = take_name("the name of a variable")};
  for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
    if (made.name == constant) fail_at(current().line, "cannot assign to '" + made.name + "'");
  }
  if (skip_symbol(".")) made.attribute = take_name("an attribute's name");
  return made;
}

Target Parser::target() {
  Target first = single_target();
  if (!at_symbol(",")) return first;
  Target made;
  made.items.push_back(std::move(first));
  while (skip_symbol(",")) {
    if (!at(TokenKind::name) && !at_symbol("(")) break;
    if (at_name("in")) break;
    made.items.push_back(single_target());
  }
  return made;
}

Statement Parser::set(int line) {
  Statement made{.kind = StatementKind::set, .line = line};
  made.target = target();
  if (skip_symbol("=")) {
    made.expression = tuple_or_single(false);
    expect(TokenKind::block_end, "'%}'");
    return made;
  }
  made.kind = StatementKind::set_block;
  while (skip_symbol("|")) made.expression = filter(std::move(made.expression));
  expect(TokenKind::block_end, "'%}' or '='");
  made.body = block_until("endset");
  return made;
}

std::vector<Parameter> Parser::parameters() {
  std::vector<Parameter> all;
  expect_symbol("(");
  while (!at_symbol(")")) {
    Parameter parameter{.name = take_name("a parameter's name")};
    if (skip_symbol("=")) {
      parameter.fallback = expression();
    } else if (!all.empty() && all.back().fallback) {
      fail_at(current().line, "a parameter without default follows one with default");
    }
    all.push_back(std::move(parameter));
    if (!skip_symbol(",")) break;
  }
  expect_symbol(")");
  return all;
}

std::unique_ptr<MacroDefinition> Parser::macro_body(std::string name,
                                                    std::vector<Parameter> parameters,
                                                    std::string_view end) {
  auto made = std::make_unique<MacroDefinition>();
  made->name = std::move(name);
  made->parameters = std::move(parameters);
  const std::size_t outer = std::exchange(loops_, 0);  // a break must not leave the macro
  macros_.push_back(made.get());
  made->body = block_until(end);
  macros_.pop_back();
  loops_ = outer;
  return made;
}

Statement Parser::macro(int line) {
  Statement made{.kind = StatementKind::macro, .line = line};
  std::string name = take_name("the macro's name");
  auto all = parameters();
  expect(TokenKind::block_end, "'%}'");
  made.macro = macro_body(std::move(name), std::move(all), "endmacro");
  return made;
}

Statement Parser::call_block(int line) {
  Statement made{.kind = StatementKind::call_block, .line = line};
  std::vector<Parameter> all;
  if (at_symbol("(")) all = parameters();
  made.expression = expression();
  if (made.expression->kind != ExpressionKind::call) {
    fail_at(line, "{% call %} needs the call of a macro");
  }
  expect(TokenKind::block_end, "'%}'");
  made.macro = macro_body("caller", std::move(all), "endcall");
  return made;
}

Statement Parser::filter_block(int line) {
  Statement made{.kind = StatementKind::filter_block, .line = line};
  made.expression = filter(nullptr);
  while (skip_symbol("|")) made.expression = filter(std::move(made.expression));
  expect(TokenKind::block_end, "'%}'");
  made.body = block_until("endfilter");
  return made;
}

Statement Parser::with(int line) {
  Statement made{.kind = StatementKind::with, .line = line};
  while (!at(TokenKind::block_end)) {
    Target name = single_target();
    expect_symbol("=");
    made.assignments.emplace_back(std::move(name), expression());
    if (!skip_symbol(",")) break;
  }
  expect(TokenKind::block_end, "'%}'");
  made.body = block_until("endwith");
  return made;
}

}  // namespace rl::text::jinja
