// What goes wrong inside a template, before the template's name and line are known.
#pragma once

#include <string>
#include <utility>

#include "rl/core/error.h"

namespace rl::text::jinja {

struct Failure {
  ErrorText text;
  int line = 0;  // 0: not known yet
};

[[noreturn]] inline void fail(std::string what, std::string expected = {}, std::string got = {},
                              std::string remedy = {}) {
  throw Failure{{.where = {},
                 .what = std::move(what),
                 .expected = std::move(expected),
                 .got = std::move(got),
                 .remedy = std::move(remedy)},
                0};
}

}  // namespace rl::text::jinja
