#include <cstdio>
#include <filesystem>

#include "apps/corral/command.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/numbers.h"
#include "rl/formats/files.h"
#include "rl/language/text_tasks.h"

namespace rl::app {
namespace {

struct Request {
  language::TextTaskOptions task{};
  std::uint64_t count = 7000;
  std::uint64_t held_out_count = 500;
  std::uint64_t seed = 1;
  std::string out{};
  std::string held_out{};
};

cli::OptionTable request_table(Request& request) {
  std::vector<std::string> tasks;
  for (const auto& row : language::text_task_descriptions()) tasks.emplace_back(row.name);
  constexpr cli::Range kCounts{.low = 1, .high = 1e8};
  cli::OptionTable table;
  table.add({"task", &request.task.task, "NAME", {}, "which problems", std::move(tasks)});
  table.add({"digits", &request.task.digits, "", {.low = 1, .high = 18},
             "of an operand: addition, chain-sum, countdown"});
  table.add({"length", &request.task.length, "", {.low = 1, .high = 256},
             "letters to reverse or count, digits to sort, terms of a chain-sum, numbers of a "
             "countdown"});
  table.add({"count", &request.count, "problems", kCounts, "for training, all different"});
  table.add({"out", &request.out, "FILE.jsonl", {}, "where they go"});
  table.add({"held-out", &request.held_out, "FILE.jsonl", {},
             "problems that share nothing with the training ones (nor 85+47 with 47+85)"});
  table.add({"held-out-count", &request.held_out_count, "problems", kCounts,
             "how many of these"});
  table.add({"seed", &request.seed, "", {}, "same seed: same files, byte for byte"});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  table.set_all(cli::parse_command_line(table, words, 0).assignments);
  if (request.out.empty()) {
    throw Error({.where = cli::kCommandLine,
                 .what = "no file for the problems is named",
                 .expected = "--out FILE.jsonl",
                 .remedy = "e.g. corral make-data --out addition.jsonl"});
  }
  language::make_text_task(request.task);
  return request;
}

void write_lines(const std::string& file, const std::vector<language::TextProblem>& problems) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (!folder.empty()) make_folders(folder);
  const std::string text = language::to_jsonl(problems);
  write_file_atomically(file, std::as_bytes(std::span(text)));
  std::printf("%s  %s problems, such as %s%s\n", file.c_str(),
              cli::group_digits(problems.size()).c_str(), problems[0].prompt.c_str(),
              problems[0].answer.c_str());
}

}  // namespace

int run_make_data(const std::vector<std::string>& words) {
  const Request request = understand([&] { return parse(words); });
  const auto task = language::make_text_task(request.task);
  const auto data = language::make_task_data(
      *task, request.count, request.held_out.empty() ? 0 : request.held_out_count, request.seed);
  write_lines(request.out, data.training);
  if (!request.held_out.empty()) write_lines(request.held_out, data.held_out);
  return kDone;
}

std::string make_data_help(std::size_t width) {
  Request request;
  std::string tasks;
  for (const auto& row : language::text_task_descriptions()) {
    tasks += "  " + std::string(row.name) + std::string(14 - row.name.size(), ' ') +
             std::string(row.example) + "\n";
  }
  return "corral make-data: problems with known answers, to train language models on.\n"
         "\n"
         "Usage: corral make-data --out FILE.jsonl [--NAME VALUE]...\n"
         "\n"
         "7,000 additions of two-digit numbers, and 500 others to measure with:\n"
         "  corral make-data --task addition --digits 2 --count 7000 --out data/addition.jsonl \\\n"
         "                   --held-out data/addition-held-out.jsonl\n"
         "\n"
         "Digits to sort, eight at a time:\n"
         "  corral make-data --task sorting --length 8 --count 20000 --out data/sorting.jsonl\n"
         "\n"
         "Tasks:\n" +
         tasks + "\n" + cli::option_help(request_table(request), width);
}

}  // namespace rl::app
