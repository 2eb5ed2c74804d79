// A run on one page.
#pragma once

#include <filesystem>

namespace rl {

// Reads <folder>/metrics.jsonl and config.ini (either may be missing) and writes report.html: one
// file without scripts or anything from the network, with a summary and a curve per metric.
// Evaluations are drawn as points with their standard error. Throws Error when a file cannot be
// read or written; the earlier report then stands.
// Threads: any; one writer per folder at a time.
void write_report(const std::filesystem::path& folder);

}  // namespace rl
