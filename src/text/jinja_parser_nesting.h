// A level of the parser's recursion.
#pragma once

#include "src/text/jinja_parser.h"

namespace rl::text::jinja {

class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) {
    if (++parser_.depth_ > ChatTemplate::kMaxDepth) {
      parser_.fail_at(parser_.current().line, "the template nests too deeply",
                      "at most " + std::to_string(ChatTemplate::kMaxDepth) + " levels", "more");
    }
  }
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

}  // namespace rl::text::jinja
