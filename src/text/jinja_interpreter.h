// Runs a parsed template once.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "src/text/jinja_ast.h"
#include "src/text/jinja_operations.h"

namespace rl::text::jinja {

using Variables = std::map<std::string, Value, std::less<>>;

// range, dict, namespace, raise_exception, strftime_now. `spaces` owns the namespaces made.
void add_globals(Variables& variables, Budget& budget, std::deque<Namespace>& spaces,
                 std::int64_t now_unix_seconds);
std::string strftime(Budget& budget, std::string_view format, std::int64_t unix_seconds);

class Interpreter {
 public:
  explicit Interpreter(std::int64_t now_unix_seconds);
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Budget& budget() { return budget_; }
  void set(const std::string& name, Value value) { scope_->variables[name] = std::move(value); }
  // Throws Failure; line() then says where.
  std::string run(const Block& block);
  int line() const { return line_; }

 private:
  struct Scope {
    std::shared_ptr<Scope> parent{};
    Variables variables{};
  };
  enum class Flow { next, stop, skip };  // stop and skip: break and continue
  class Frame;                           // a level of recursion
  class InnerScope;                      // a scope while it lives
  class Capture;                         // output into a text of its own

  // Statements (jinja_execute.cpp).
  Flow execute(const Block& block);
  Flow execute(const Statement& statement);
  Flow condition(const Statement& statement);
  Flow loop(const Statement& statement);
  std::vector<Value> chosen_items(const Statement& statement);
  void assign(const Target& target, const Value& value);
  void assign_attribute(const Target& target, const Value& value);
  Value captured(const Block& block);
  void with(const Statement& statement);
  Value macro(const MacroDefinition& definition);
  Value call_macro(const MacroDefinition& definition, const std::shared_ptr<Scope>& closure,
                   const Arguments& arguments);
  void bind(const MacroDefinition& definition, const Arguments& arguments);

  // Expressions (jinja_evaluate.cpp).
  Value evaluate(const Expression& expression);
  Value lookup(const std::string& name);
  Value collection(const Expression& expression);
  Value comparison(const Expression& expression);
  Value conditional(const Expression& expression);
  Value slice(const Expression& expression);
  Value concatenation(const Expression& expression);
  Value call(const Expression& expression, const Value* caller = nullptr);
  // Filters applied to `start` where the chain has no operand of its own.
  Value filtered(const Expression& expression, const Value* start);
  Arguments arguments_of(const CallArguments& written);

  Budget budget_{};
  std::deque<Namespace> spaces_{};
  std::shared_ptr<Scope> scope_;
  std::vector<std::shared_ptr<Scope>> kept_{};  // scopes that macros look into
  TextBuilder* out_ = nullptr;
  std::size_t frames_ = 0;
  std::size_t calls_ = 0;
  int line_ = 1;
};

class Interpreter::Frame {
 public:
  explicit Frame(Interpreter& self) : self_(self) {
    self_.budget_.spend(1);
    if (++self_.frames_ > kMost) {
      --self_.frames_;
      fail("the template nests too deeply while running");
    }
  }
  ~Frame() { --self_.frames_; }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  static constexpr std::size_t kMost = 10 * ChatTemplate::kMaxDepth;
  Interpreter& self_;
};

class Interpreter::InnerScope {
 public:
  InnerScope(Interpreter& self, const std::shared_ptr<Scope>& parent)
      : self_(self), outer_(self.scope_) {
    self_.scope_ = std::make_shared<Scope>(Scope{.parent = parent});
  }
  ~InnerScope() { self_.scope_ = outer_; }
  InnerScope(const InnerScope&) = delete;
  InnerScope& operator=(const InnerScope&) = delete;

 private:
  Interpreter& self_;
  std::shared_ptr<Scope> outer_;
};

class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& self)
      : self_(self), outer_(self.out_), text_(self.budget_) {
    self_.out_ = &text_;
  }
  ~Capture() { self_.out_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::string take() { return text_.take(); }

 private:
  Interpreter& self_;
  TextBuilder* outer_;
  TextBuilder text_;
};

}  // namespace rl::text::jinja
