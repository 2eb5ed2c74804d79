// Expressions.
#include "src/text/jinja_filters.h"
#include "src/text/jinja_interpreter.h"

namespace rl::text::jinja {

Value Interpreter::evaluate(const Expression& expression) {
  const Frame frame(*this);
  line_ = expression.line;
  const auto operand = [&](std::size_t index) { return evaluate(*expression.operands[index]); };
  switch (expression.kind) {
    case ExpressionKind::constant: return expression.constant;
    case ExpressionKind::name: return lookup(expression.text);
    case ExpressionKind::list:
    case ExpressionKind::tuple:
    case ExpressionKind::dict: return collection(expression);
    case ExpressionKind::attribute: {
      const Value object = operand(0);
      line_ = expression.line;
      return attribute_of(budget_, object, expression.text);
    }
    case ExpressionKind::item: {
      const Value object = operand(0);
      const Value key = operand(1);
      line_ = expression.line;
      return item_of(budget_, object, key);
    }
    case ExpressionKind::slice: return slice(expression);
    case ExpressionKind::call: return call(expression);
    case ExpressionKind::filter: return filtered(expression, nullptr);
    case ExpressionKind::test: {
      const Value value = operand(0);
      const Arguments arguments = arguments_of(expression.arguments);
      line_ = expression.line;
      return Value(apply_test(budget_, expression.text, value, arguments));
    }
    case ExpressionKind::negate: return negate(operand(0));
    case ExpressionKind::plus: return arithmetic(budget_, "+", Value(std::int64_t{0}), operand(0));
    case ExpressionKind::logical_not: return Value(!is_true(operand(0)));
    case ExpressionKind::logical_and: {
      Value left = operand(0);
      return is_true(left) ? operand(1) : left;
    }
    case ExpressionKind::logical_or: {
      Value left = operand(0);
      return is_true(left) ? left : operand(1);
    }
    case ExpressionKind::arithmetic: {
      const Value left = operand(0);
      const Value right = operand(1);
      line_ = expression.line;
      return arithmetic(budget_, expression.text, left, right);
    }
    case ExpressionKind::concatenate: return concatenation(expression);
    case ExpressionKind::compare: return comparison(expression);
    case ExpressionKind::condition: return conditional(expression);
  }
  fail("an expression of unknown kind");
}

Value Interpreter::lookup(const std::string& name) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    budget_.spend(1);
    const auto found = scope->variables.find(name);
    if (found != scope->variables.end()) return found->second;
  }
  return Value::undefined("'" + name + "' is undefined");
}

Value Interpreter::collection(const Expression& expression) {
  if (expression.kind == ExpressionKind::dict) {
    auto dict = std::make_shared<Dict>();
    for (std::size_t i = 0; i < expression.operands.size(); i += 2) {
      const Value key = evaluate(*expression.operands[i]);
      dict->set(budget_, key, evaluate(*expression.operands[i + 1]));
    }
    return std::shared_ptr<const Dict>(std::move(dict));
  }
  std::vector<Value> items;
  for (const auto& operand : expression.operands) items.push_back(evaluate(*operand));
  return make_sequence(
      budget_, std::move(items),
      expression.kind == ExpressionKind::list ? SequenceKind::list : SequenceKind::tuple);
}

Value Interpreter::comparison(const Expression& expression) {
  Value left = evaluate(*expression.operands[0]);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1]);
    line_ = expression.line;
    if (!compare(budget_, expression.operators[i], left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::conditional(const Expression& expression) {
  if (is_true(evaluate(*expression.operands[0]))) return evaluate(*expression.operands[1]);
  if (expression.operands[2]) return evaluate(*expression.operands[2]);
  return Value::undefined("the inline if was false and has no else");
}

Value Interpreter::slice(const Expression& expression) {
  const Value object = evaluate(*expression.operands[0]);
  const auto part = [&](std::size_t index) {
    const auto& written = expression.operands[index];
    return written ? evaluate(*written) : Value(None{});
  };
  const Value start = part(1);
  const Value stop = part(2);
  const Value step = part(3);
  line_ = expression.line;
  return slice_of(budget_, object, start, stop, step);
}

Value Interpreter::concatenation(const Expression& expression) {
  TextBuilder out(budget_);
  for (const auto& operand : expression.operands) print(out, evaluate(*operand));
  return Value(out.take());
}

Value Interpreter::call(const Expression& expression, const Value* caller) {
  const Value callee = evaluate(*expression.operands[0]);
  Arguments arguments = arguments_of(expression.arguments);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  line_ = expression.line;
  require_defined(callee);
  const auto* function = callee.get<std::shared_ptr<const Function>>();
  if (function == nullptr) fail("this cannot be called", "a function or macro", describe(callee));
  return (*function)->call(arguments);
}

Value Interpreter::filtered(const Expression& expression, const Value* start) {
  const Frame frame(*this);
  const auto& operand = expression.operands[0];
  Value input;
  if (!operand) {
    input = *start;
  } else if (operand->kind == ExpressionKind::filter) {
    input = filtered(*operand, start);
  } else {
    input = evaluate(*operand);
  }
  const Arguments arguments = arguments_of(expression.arguments);
  line_ = expression.line;
  return apply_filter(budget_, expression.text, input, arguments);
}

Arguments Interpreter::arguments_of(const CallArguments& written) {
  Arguments arguments;
  for (const auto& value : written.positional) arguments.positional.push_back(evaluate(*value));
  if (written.star) {
    for (Value& value : items_of(budget_, evaluate(*written.star))) {
      arguments.positional.push_back(std::move(value));
    }
  }
  for (const auto& [name, value] : written.named) {
    arguments.named.emplace_back(name, evaluate(*value));
  }
  if (written.double_star) {
    const Value all = evaluate(*written.double_star);
    if (all.dict() == nullptr) fail("** takes a dict", "a dict", describe(all));
    for (const auto& [key, value] : all.dict()->entries()) {
      budget_.spend(1);
      if (!key.is_text()) fail("** takes a dict of names", "strings as keys", describe(key));
      arguments.named.emplace_back(*key.text(), value);
    }
  }
  return arguments;
}

}  // namespace rl::text::jinja
