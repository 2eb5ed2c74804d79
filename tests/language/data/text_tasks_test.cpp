#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "rl/core/error.h"
#include "rl/language/text_tasks.h"

namespace rl::language {
namespace {

std::unique_ptr<TextTask> task_named(const std::string& name, std::size_t digits = 2,
                                     std::size_t length = 4) {
  return make_text_task({.task = name, .digits = digits, .length = length});
}

long long number(std::string_view text) {
  long long value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  REQUIRE(result.ec == std::errc{});
  REQUIRE(result.ptr == text.data() + text.size());
  return value;
}

// The value of a chain such as "47-12+85=".
long long evaluate(std::string_view prompt) {
  long long sum = 0;
  std::size_t begin = 0;
  for (std::size_t end = 1; end < prompt.size(); ++end) {
    if (prompt[end] != '+' && prompt[end] != '-' && prompt[end] != '=') continue;
    const bool signed_term = prompt[begin] == '+' || prompt[begin] == '-';
    const long long value = number(prompt.substr(begin + (signed_term ? 1 : 0),
                                                 end - begin - (signed_term ? 1 : 0)));
    sum += prompt[begin] == '-' ? -value : value;
    begin = end;
  }
  return sum;
}

}  // namespace

TEST_SUITE("text tasks") {
  TEST_CASE("additions have operands of exactly the digits asked for, and the right sum") {
    for (const std::size_t digits : {1, 2, 3, 18}) {
      const auto task = task_named("addition", digits);
      RngStream stream(1, RngRole::test, digits);
      for (int i = 0; i < 200; ++i) {
        const TextProblem problem = task->draw(stream);
        CHECK(problem.prompt.size() == 2 * digits + 2);
        CHECK(evaluate(problem.prompt) == number(problem.answer));
      }
    }
  }

  TEST_CASE("chain sums add and take away terms of up to the digits asked for") {
    const auto task = task_named("chain-sum", 3, 5);
    RngStream stream(1, RngRole::test, 0);
    bool negative = false;
    for (int i = 0; i < 500; ++i) {
      const TextProblem problem = task->draw(stream);
      const auto is_sign = [](char c) { return c == '+' || c == '-'; };
      CHECK(std::ranges::count_if(problem.prompt, is_sign) == 4);
      CHECK(evaluate(problem.prompt) == number(problem.answer));
      negative = negative || problem.answer.front() == '-';
    }
    CHECK(negative);
  }

  TEST_CASE("reversed and sorted texts are what their names say") {
    RngStream stream(1, RngRole::test, 0);
    const TextProblem reversed = task_named("reverse", 2, 6)->draw(stream);
    std::string text = reversed.prompt.substr(8, 6);
    CHECK(reversed.prompt == "reverse(" + text + ")=");
    CHECK(reversed.answer == std::string(text.rbegin(), text.rend()));
    const TextProblem sorted = task_named("sorting", 2, 9)->draw(stream);
    text = sorted.prompt.substr(5, 9);
    CHECK(sorted.prompt == "sort(" + text + ")=");
    std::ranges::sort(text);
    CHECK(sorted.answer == text);
  }

  TEST_CASE("a completion scores 1 when it is the answer, white space around it aside, else 0") {
    const auto task = task_named("addition");
    const TextProblem problem{"47+85=", "132"};
    CHECK(task->score(problem, "132") == 1.0);
    CHECK(task->score(problem, " 132\n") == 1.0);
    CHECK(task->score(problem, "1 32") == 0.0);
    CHECK(task->score(problem, "132 or so") == 0.0);
    CHECK(task->score(problem, "0132") == 0.0);
    CHECK(task->score(problem, "") == 0.0);
  }

  TEST_CASE("training problems differ from each other and from held-out ones, mirrored ones too") {
    const auto task = task_named("addition");
    const TaskData data = make_task_data(*task, 7000, 400, 3);
    CHECK(data.training.size() == 7000);
    CHECK(data.held_out.size() == 400);
    std::set<std::string> reserved;
    for (const auto& problem : data.held_out) reserved.insert(task->identity(problem));
    CHECK(reserved.size() == 400);
    std::set<std::string> prompts;
    for (const auto& problem : data.training) {
      CHECK_FALSE(reserved.contains(task->identity(problem)));
      prompts.insert(problem.prompt);
    }
    CHECK(prompts.size() == 7000);
    CHECK(task->identity({"85+47=", ""}) == task->identity({"47+85=", ""}));
  }

  TEST_CASE("a countdown's own sum is right, and so is any other of the same numbers") {
    for (const std::size_t numbers : {2, 3, 5, 8}) {
      const auto task = task_named("countdown", 2, numbers);
      RngStream stream(1, RngRole::test, numbers);
      for (int i = 0; i < 300; ++i) {
        const TextProblem problem = task->draw(stream);
        CAPTURE(problem.prompt);
        CAPTURE(problem.answer);
        CHECK(std::ranges::count(problem.prompt, ',') == static_cast<std::ptrdiff_t>(numbers) - 1);
        CHECK(task->score(problem, problem.answer) == 1.0);
        CHECK(task->score(problem, " 0 + " + problem.answer) == 0.0);
      }
    }
    const auto task = task_named("countdown");
    const TextProblem problem{"countdown(3,25,5;60)=", "(25-5)*3"};
    CHECK(task->score(problem, " 3 * (25 - 5)\n") == 1.0);
    CHECK(task->score(problem, "3*25-3*5") == 0.0);      // 3 twice
    CHECK(task->score(problem, "60") == 0.0);
    CHECK(task->score(problem, "(25-5)*3=60") == 0.0);   // no sum
    CHECK(task->score(problem, "25+5*3") == 0.0);        // another value
    CHECK(task->score(problem, "") == 0.0);
    CHECK(task->score({"countdown(", ""}, "1") == 0.0);
    CHECK(task->identity(problem) == task->identity({"countdown(25,5,3;60)=", ""}));
  }

  TEST_CASE("a letter's count is how often it is there, and it is there") {
    const auto task = task_named("letter-count", 2, 12);
    RngStream stream(1, RngRole::test, 0);
    for (int i = 0; i < 100; ++i) {
      const TextProblem problem = task->draw(stream);
      const std::string text = problem.prompt.substr(8, 12);
      CHECK(problem.prompt == "count(" + problem.prompt.substr(6, 1) + "," + text + ")=");
      CHECK(number(problem.answer) == std::ranges::count(text, problem.prompt[6]));
      CHECK(number(problem.answer) > 0);
    }
  }

  TEST_CASE("the same seed gives the same problems, and more training keeps the held-out ones") {
    const auto task = task_named("sorting");
    const TaskData one = make_task_data(*task, 10, 5, 3);
    const TaskData same = make_task_data(*task, 10, 5, 3);
    const TaskData more = make_task_data(*task, 100, 5, 3);
    CHECK(to_jsonl(one.training) == to_jsonl(same.training));
    CHECK(to_jsonl(one.held_out) == to_jsonl(more.held_out));
    CHECK(to_jsonl(make_task_data(*task, 10, 5, 4).training) != to_jsonl(one.training));
  }

  TEST_CASE("every problem of a small task is found; one more is a clear error") {
    const auto task = task_named("addition", 1);
    CHECK(make_task_data(*task, 100, 0, 1).training.size() == 100);
    CHECK_THROWS_WITH_AS(make_task_data(*task, 101, 0, 1),
                         doctest::Contains("too few different training problems"), Error);
    CHECK_THROWS_WITH_AS(make_task_data(*task, 1, 56, 1),
                         doctest::Contains("too few different held-out problems"), Error);
  }

  TEST_CASE("lines are JSON objects of prompt and completion") {
    const std::vector<TextProblem> problems{{"1+2=", "3"}, {"a\"b", "c\n"}};
    CHECK(to_jsonl(problems) ==
          "{\"prompt\":\"1+2=\",\"completion\":\"3\"}\n"
          "{\"prompt\":\"a\\\"b\",\"completion\":\"c\\n\"}\n");
  }

  TEST_CASE("unknown tasks and sizes out of range are refused") {
    CHECK_THROWS_WITH_AS(task_named("additon"), doctest::Contains("did you mean addition?"), Error);
    CHECK_THROWS_WITH_AS(task_named("addition", 19), doctest::Contains("1 to 18, got 19"), Error);
    CHECK_THROWS_WITH_AS(task_named("addition", 0), doctest::Contains("digits"), Error);
    CHECK_THROWS_WITH_AS(task_named("reverse", 2, 257), doctest::Contains("length"), Error);
    CHECK_THROWS_WITH_AS(task_named("chain-sum", 2, 1), doctest::Contains("2 to 64"), Error);
    CHECK_THROWS_WITH_AS(task_named("countdown", 2, 9), doctest::Contains("2 to 8"), Error);
    CHECK_THROWS_WITH_AS(task_named("countdown", 5, 4), doctest::Contains("1 to 4"), Error);
    CHECK_THROWS_WITH_AS(task_named("letter-count", 2, 0), doctest::Contains("length"), Error);
  }
}

}  // namespace rl::language
