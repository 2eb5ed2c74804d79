// Statements, scopes and macros.
#include <algorithm>

#include "src/text/jinja_interpreter.h"

namespace rl::text::jinja {

Interpreter::Interpreter(std::int64_t now_unix_seconds) : scope_(std::make_shared<Scope>()) {
  add_globals(scope_->variables, budget_, spaces_, now_unix_seconds);
}

std::string Interpreter::run(const Block& block) {
  Capture capture(*this);
  execute(block);
  return capture.take();
}

Interpreter::Flow Interpreter::execute(const Block& block) {
  const Frame frame(*this);
  for (const Statement& statement : block) {
    if (const Flow flow = execute(statement); flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const Statement& statement) {
  line_ = statement.line;
  budget_.spend(1);
  switch (statement.kind) {
    case StatementKind::text: *out_ << statement.text; break;
    case StatementKind::output: print(*out_, evaluate(*statement.expression)); break;
    case StatementKind::condition: return condition(statement);
    case StatementKind::loop: return loop(statement);
    case StatementKind::set: assign(statement.target, evaluate(*statement.expression)); break;
    case StatementKind::set_block: {
      const Value text = captured(statement.body);
      assign(statement.target, statement.expression ? filtered(*statement.expression, &text) : text);
      break;
    }
    case StatementKind::macro:
      scope_->variables[statement.macro->name] = macro(*statement.macro);
      break;
    case StatementKind::call_block: {
      const Value caller = macro(*statement.macro);
      print(*out_, call(*statement.expression, &caller));
      break;
    }
    case StatementKind::filter_block: {
      const Value text = captured(statement.body);
      print(*out_, filtered(*statement.expression, &text));
      break;
    }
    case StatementKind::with: with(statement); break;
    case StatementKind::scope: {
      const InnerScope inner(*this, scope_);
      return execute(statement.body);
    }
    case StatementKind::loop_break: return Flow::stop;
    case StatementKind::loop_continue: return Flow::skip;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::condition(const Statement& statement) {
  for (const Branch& branch : statement.branches) {
    if (!branch.condition || is_true(evaluate(*branch.condition))) return execute(branch.body);
  }
  return Flow::next;
}

std::vector<Value> Interpreter::chosen_items(const Statement& statement) {
  std::vector<Value> items = items_of(budget_, evaluate(*statement.expression));
  if (!statement.condition) return items;
  const InnerScope inner(*this, scope_);
  std::vector<Value> chosen;
  for (const Value& item : items) {
    assign(statement.target, item);
    if (is_true(evaluate(*statement.condition))) chosen.push_back(item);
  }
  return chosen;
}

Interpreter::Flow Interpreter::loop(const Statement& statement) {
  auto state = std::make_shared<Loop>();
  state->items = chosen_items(statement);
  for (const Value& item : state->items) state->depth = std::max(state->depth, depth_of(item) + 1);
  if (state->depth > ChatTemplate::kMaxDepth + 1) fail("a value nests too deeply");
  {
    const InnerScope inner(*this, scope_);
    for (; state->index < state->items.size(); ++state->index) {
      scope_->variables.clear();  // what an iteration sets is gone in the next one
      scope_->variables["loop"] = Value(state);
      assign(statement.target, state->items[state->index]);
      if (execute(statement.body) == Flow::stop) break;
    }
  }
  if (!state->items.empty()) return Flow::next;
  const InnerScope inner(*this, scope_);
  return execute(statement.otherwise);
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.attribute.empty()) return assign_attribute(target, value);
  if (target.items.empty()) {
    scope_->variables[target.name] = value;
    return;
  }
  const auto parts = items_of(budget_, value);
  if (parts.size() != target.items.size()) {
    fail("the values to unpack do not fit the names", std::to_string(target.items.size()) + " values",
         std::to_string(parts.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) assign(target.items[i], parts[i]);
}

void Interpreter::assign_attribute(const Target& target, const Value& value) {
  const Value owner = lookup(target.name);
  const auto* space = owner.get<Namespace*>();
  if (space == nullptr) {
    fail("only a namespace's attributes can be set", "a namespace", describe(owner),
         "make one: {% set " + target.name + " = namespace() %}");
  }
  if (target.attribute.starts_with('_')) fail("a namespace's names may not start with '_'");
  budget_.spend(4);
  (*space)->attributes[target.attribute] = value;
}

Value Interpreter::captured(const Block& block) {
  const InnerScope inner(*this, scope_);
  Capture capture(*this);
  execute(block);
  return Value(capture.take());
}

void Interpreter::with(const Statement& statement) {
  std::vector<Value> values;
  for (const auto& [target, expression] : statement.assignments) {
    values.push_back(evaluate(*expression));
  }
  const InnerScope inner(*this, scope_);
  for (std::size_t i = 0; i < values.size(); ++i) assign(statement.assignments[i].first, values[i]);
  execute(statement.body);
}

Value Interpreter::macro(const MacroDefinition& definition) {
  budget_.spend(16);
  if (kept_.empty() || kept_.back() != scope_) kept_.push_back(scope_);
  // The scope is kept by the interpreter: a macro that owned it would own itself.
  const std::weak_ptr<Scope> closure = scope_;
  return std::make_shared<const Function>(
      Function{.name = definition.name,
               .call = [this, &definition, closure](const Arguments& arguments) {
                 return call_macro(definition, closure.lock(), arguments);
               }});
}

Value Interpreter::call_macro(const MacroDefinition& definition,
                              const std::shared_ptr<Scope>& closure, const Arguments& arguments) {
  struct CallCount {
    std::size_t& calls;
    explicit CallCount(std::size_t& count) : calls(count) { ++calls; }
    ~CallCount() { --calls; }
    CallCount(const CallCount&) = delete;
    CallCount& operator=(const CallCount&) = delete;
  };
  const CallCount count(calls_);
  if (calls_ > ChatTemplate::kMaxDepth) {
    fail("macros call each other too deeply",
         "at most " + std::to_string(ChatTemplate::kMaxDepth) + " levels", "more");
  }
  const InnerScope inner(*this, closure);
  bind(definition, arguments);
  Capture capture(*this);
  execute(definition.body);
  return Value(capture.take());
}

void Interpreter::bind(const MacroDefinition& definition, const Arguments& arguments) {
  const std::string who = "macro '" + definition.name + "'";
  auto& variables = scope_->variables;
  const auto& parameters = definition.parameters;
  const std::size_t given = std::min(arguments.positional.size(), parameters.size());
  for (std::size_t i = 0; i < given; ++i) variables[parameters[i].name] = arguments.positional[i];
  std::vector<Value> more(arguments.positional.begin() + static_cast<std::ptrdiff_t>(given),
                          arguments.positional.end());
  if (!more.empty() && !definition.uses_varargs) {
    fail(who + " is given too many arguments", "at most " + std::to_string(parameters.size()),
         std::to_string(arguments.positional.size()));
  }
  auto named = std::make_shared<Dict>();
  for (const auto& [name, value] : arguments.named) {
    if (std::ranges::find(parameters, name, &Parameter::name) != parameters.end()) {
      if (!variables.try_emplace(name, value).second) fail(who + " is given '" + name + "' twice");
    } else if (name == "caller" && definition.uses_caller) {
      variables[name] = value;
    } else if (definition.uses_kwargs) {
      named->set(budget_, Value(name), value);
    } else {
      fail(who + " has no parameter '" + name + "'");
    }
  }
  if (definition.uses_varargs) {
    variables["varargs"] = make_sequence(budget_, std::move(more), SequenceKind::tuple);
  }
  if (definition.uses_kwargs) variables["kwargs"] = std::shared_ptr<const Dict>(std::move(named));
  for (const Parameter& parameter : parameters) {
    if (variables.contains(parameter.name)) continue;
    Value value = parameter.fallback
                      ? evaluate(*parameter.fallback)
                      : Value::undefined("parameter '" + parameter.name + "' was not given");
    variables[parameter.name] = std::move(value);
  }
}

}  // namespace rl::text::jinja
