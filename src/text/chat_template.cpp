#include "rl/text/chat_template.h"

#include <array>
#include <optional>

#include "src/text/jinja_interpreter.h"
#include "src/text/jinja_parser.h"
#include "src/text/jinja_text.h"

namespace rl::text {
namespace {

using jinja::Budget;
using jinja::describe;
using jinja::Dict;
using jinja::Failure;
using jinja::Interpreter;
using jinja::is_utf8;
using jinja::None;
using jinja::Value;

[[noreturn]] void throw_error(const Failure& failure, const std::string& where, int line) {
  ErrorText text = failure.text;
  text.where = line > 0 ? where + ", line " + std::to_string(line) : where;
  throw Error(text);
}

[[noreturn]] void throw_error(const std::string& where, const std::string& what,
                              const std::string& expected, const std::string& got) {
  throw Error({.where = where, .what = what, .expected = expected, .got = got, .remedy = {}});
}

// Names this failure after the input it is in.
Value parse_input(Budget& budget, std::string_view text, const std::string& where) {
  try {
    return jinja::parse_json(budget, text);
  } catch (const Failure& failure) {
    throw_error(failure, where, 0);
  }
}

// Models name a message's reasoning differently; transformers fills in both names.
Value with_reasoning(Budget& budget, const Value& message) {
  static constexpr std::array kNames = {"reasoning_content", "thinking", "reasoning"};
  const Value* reasoning = nullptr;
  for (const char* name : kNames) {
    const Value* found = message.dict()->find(name);
    if (reasoning == nullptr && found != nullptr && !found->is_none()) reasoning = found;
  }
  if (reasoning == nullptr) return message;
  auto filled = std::make_shared<Dict>();
  filled->set(budget, Value("thinking"), *reasoning);
  for (const auto& [key, value] : message.dict()->entries()) filled->set(budget, key, value);
  filled->set(budget, Value("reasoning_content"), *reasoning);
  return std::shared_ptr<const Dict>(std::move(filled));
}

Value checked_messages(Budget& budget, std::string_view json, const std::string& where) {
  const std::string place = where + ", messages";
  const Value parsed = parse_input(budget, json, place);
  if (parsed.sequence() == nullptr) {
    throw_error(place, "the messages are not a list", "a JSON array of objects", describe(parsed));
  }
  std::vector<Value> messages;
  for (const Value& message : parsed.sequence()->items) {
    if (message.dict() == nullptr) {
      throw_error(place, "a message is not an object", "a JSON array of objects",
                  describe(message));
    }
    messages.push_back(with_reasoning(budget, message));
  }
  return jinja::make_sequence(budget, std::move(messages));
}

std::string checked_text(const std::string& text, const std::string& where, const char* what) {
  if (!is_utf8(text)) throw_error(where, std::string(what) + " is not text", "UTF-8", "other bytes");
  return text;
}

Value plain_messages(Budget& budget, const std::vector<ChatMessage>& messages,
                     const std::string& where) {
  std::vector<Value> values;
  for (const ChatMessage& message : messages) {
    auto dict = std::make_shared<Dict>();
    budget.spend_text(message.role.size() + message.content.size());
    dict->set(budget, Value("role"), Value(checked_text(message.role, where, "a role")));
    dict->set(budget, Value("content"), Value(checked_text(message.content, where, "a content")));
    values.emplace_back(std::shared_ptr<const Dict>(std::move(dict)));
  }
  return jinja::make_sequence(budget, std::move(values));
}

void set_variables(Interpreter& interpreter, const ChatOptions& options, const std::string& where) {
  interpreter.set("bos_token", Value(checked_text(options.bos_token, where, "bos_token")));
  interpreter.set("eos_token", Value(checked_text(options.eos_token, where, "eos_token")));
  interpreter.set("documents", Value(None{}));
  if (!options.variables_json.empty()) {
    const std::string place = where + ", variables";
    const Value variables = parse_input(interpreter.budget(), options.variables_json, place);
    if (variables.dict() == nullptr) {
      throw_error(place, "the variables are not an object", "a JSON object", describe(variables));
    }
    for (const auto& [name, value] : variables.dict()->entries()) {
      for (const char* taken : {"messages", "tools", "add_generation_prompt"}) {
        if (*name.text() == taken) {
          throw_error(place, "a variable has the name of an argument", "another name",
                      "'" + *name.text() + "'");
        }
      }
      interpreter.set(*name.text(), value);
    }
  }
  Value tools = None{};
  if (!options.tools_json.empty()) {
    const std::string place = where + ", tools";
    tools = parse_input(interpreter.budget(), options.tools_json, place);
    if (tools.sequence() == nullptr) {
      throw_error(place, "the tools are not a list", "a JSON array", describe(tools));
    }
  }
  interpreter.set("tools", std::move(tools));
  interpreter.set("add_generation_prompt", Value(options.add_generation_prompt));
}

}  // namespace

struct ChatTemplate::Program {
  std::string where;
  jinja::Block block{};

  template <class Messages>
  std::string render(const ChatOptions& options, Messages messages) const {
    Interpreter interpreter(options.now_unix_seconds);
    bool running = false;
    try {
      set_variables(interpreter, options, where);
      interpreter.set("messages", messages(interpreter.budget()));
      running = true;
      return interpreter.run(block);
    } catch (const Failure& failure) {
      throw_error(failure, where, running ? interpreter.line() : 0);
    }
  }
};

ChatTemplate::ChatTemplate(std::string source, std::string_view where) {
  auto program = std::make_shared<Program>(Program{.where = std::string(where)});
  if (source.size() > kMaxSourceBytes) {
    throw_error(program->where, "the chat template is too large",
                "at most " + std::to_string(kMaxSourceBytes) + " bytes",
                std::to_string(source.size()));
  }
  checked_text(source, program->where, "the chat template");
  try {
    program->block = jinja::Parser(jinja::tokenize(source)).parse();
  } catch (const Failure& failure) {
    throw_error(failure, program->where, failure.line);
  }
  program_ = std::move(program);
}

std::string ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                 const ChatOptions& options) const {
  return program_->render(options, [&](Budget& budget) {
    return plain_messages(budget, messages, program_->where + ", messages");
  });
}

std::string ChatTemplate::render_json(std::string_view messages_json,
                                      const ChatOptions& options) const {
  return program_->render(options, [&](Budget& budget) {
    return checked_messages(budget, messages_json, program_->where);
  });
}

}  // namespace rl::text
