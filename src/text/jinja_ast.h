// The parsed template.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/text/jinja_value.h"

namespace rl::text::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional{};
  std::vector<std::pair<std::string, ExpressionPtr>> named{};
  ExpressionPtr star{};         // *expression
  ExpressionPtr double_star{};  // **expression
};

enum class ExpressionKind {
  constant,
  name,
  list,
  tuple,
  dict,       // operands: key, value, key, value, ...
  attribute,  // operand.text
  item,       // operands: object, index
  slice,      // operands: object, start, stop, step (each but the first may be null)
  call,       // operand(arguments)
  filter,     // operand | text(arguments); the operand is null in {% filter %} and block set
  test,       // operand is text(arguments)
  negate,
  plus,
  logical_not,
  logical_and,
  logical_or,
  arithmetic,   // text is the operator
  concatenate,  // ~
  compare,      // operands[0] operators[0] operands[1] operators[1] ...
  condition     // operands: test, then, otherwise (may be null)
};

struct Expression {
  ExpressionKind kind;
  int line = 1;
  int height = 1;  // of the tree below; bounded by the parser
  std::string text{};
  Value constant{};
  std::vector<ExpressionPtr> operands{};
  std::vector<std::string> operators{};
  CallArguments arguments{};
};

// What is assigned to: a name, a namespace's attribute, or a tuple of these.
struct Target {
  std::string name{};
  std::string attribute{};  // of the namespace `name`; empty: the name itself
  std::vector<Target> items{};
};

struct Statement;
using Block = std::vector<Statement>;

struct Parameter {
  std::string name{};
  ExpressionPtr fallback{};
};

struct MacroDefinition {
  std::string name{};
  std::vector<Parameter> parameters{};
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
  Block body;
};

enum class StatementKind {
  text,
  output,
  condition,   // branches
  loop,
  set,         // target = expression
  set_block,   // target = body | filters
  macro,
  call_block,  // {% call(...) expression %}: macro is the caller
  filter_block,
  with,        // assignments, body
  scope,       // {% generation %}
  loop_break,
  loop_continue
};

struct Branch {
  ExpressionPtr condition{};  // null: else
  Block body;
};

struct Statement {
  StatementKind kind;
  int line = 1;
  std::string text{};
  ExpressionPtr expression{};
  ExpressionPtr condition{};  // of a loop: for ... in ... if condition
  Target target{};
  std::vector<Branch> branches{};
  std::vector<std::pair<Target, ExpressionPtr>> assignments{};
  std::unique_ptr<MacroDefinition> macro{};
  Block body{};
  Block otherwise{};  // for ... else
};

}  // namespace rl::text::jinja
