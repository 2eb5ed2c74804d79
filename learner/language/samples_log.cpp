#include "learner/language/samples_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "rl/formats/files.h"

namespace rl {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 30;

// The length of the whole lines up to `step`.
std::size_t kept_bytes(const std::string& text, std::uint64_t step) {
  std::size_t kept = 0;
  while (true) {
    const std::size_t end = text.find('\n', kept);
    if (end == std::string::npos) return kept;
    const auto row = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(kept),
                                           text.begin() + static_cast<std::ptrdiff_t>(end), nullptr,
                                           false);
    const bool known = row.is_object() && row.contains("step") && row["step"].is_number_unsigned();
    if (!known || row["step"].get<std::uint64_t>() > step) return kept;
    kept = end + 1;
  }
}

}  // namespace

SamplesLog::SamplesLog(const std::filesystem::path& folder, std::uint64_t resume_step)
    : path_(folder / "samples.jsonl") {
  if (!std::filesystem::exists(path_)) return;
  const Bytes bytes = read_file(path_, kMostBytes);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t kept = resume_step == 0 ? 0 : kept_bytes(text, resume_step);
  if (kept < bytes.size()) write_file_atomically(path_, std::span(bytes).first(kept));
}

void SamplesLog::write(std::uint64_t step, const std::string& lines) {
  std::string stepped;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    const std::string members = lines.substr(begin + 1, end - begin - 1);
    stepped += "{\"step\":" + std::to_string(step) + "," + members + "\n";
    begin = end + 1;
  }
  if (!stepped.empty()) append_file(path_, std::as_bytes(std::span(stepped)));
}

}  // namespace rl
