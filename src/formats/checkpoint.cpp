#include "rl/formats/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "src/formats/manifest.h"

namespace rl {
namespace {

using formats::kManifestName;
using std::filesystem::path;

// Being written: of no use to anybody, and removed by the next save after a kill.
constexpr std::string_view kPartial = ".partial";
// Whole, while the number's old folder goes: stands in for it, and takes its place.
constexpr std::string_view kReplacement = ".replacement";

path with_suffix(const path& folder, std::uint64_t number, std::string_view suffix) {
  return folder / (std::to_string(number) + std::string(suffix));
}

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(file, ignored));
}

// The number of a folder named exactly like one.
std::optional<std::uint64_t> number_of(std::string_view name) {
  std::uint64_t number = 0;
  const auto end = name.data() + name.size();
  const auto result = std::from_chars(name.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return std::to_string(number) == name ? std::optional(number) : std::nullopt;
}

struct Entry {
  std::uint64_t number = 0;
  std::string_view suffix;  // "", kPartial or kReplacement

  friend bool operator==(const Entry&, const Entry&) = default;
};

std::vector<Entry> entries_of(const path& folder) {
  std::vector<Entry> entries;
  for (std::string name : list_folder(folder)) {
    std::string_view suffix;
    for (const auto known : {kPartial, kReplacement}) {
      if (name.ends_with(known)) suffix = known;
    }
    name.resize(name.size() - suffix.size());
    if (const auto number = number_of(name)) entries.push_back({*number, suffix});
  }
  return entries;
}

// The manifest first: what a kill leaves of the rest is no checkpoint any more.
void remove_checkpoint(const path& folder, FileSystem& files) {
  remove_path(folder / kManifestName, files);
  remove_path(folder, files);
}

Bytes read_part(const path& file, const formats::PartEntry& entry, FileSystem& files) {
  Bytes data = read_file(file, entry.bytes, files);
  const std::string found = to_hex(digest(data));
  if (data.size() == entry.bytes && found == entry.digest) return data;
  throw Error({.where = file.string(),
               .what = "the part is damaged",
               .expected = std::to_string(entry.bytes) + " bytes with digest " + entry.digest,
               .got = std::to_string(data.size()) + " bytes with digest " + found,
               .remedy = "use another checkpoint"});
}

Checkpoint read_checkpoint(const path& folder, std::uint64_t number, FileSystem& files) {
  const path manifest_path = folder / kManifestName;
  const Bytes bytes = read_file(manifest_path, formats::kMaxManifestBytes, files);
  const auto manifest = formats::parse_manifest(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, manifest_path.string());
  if (manifest.number != number) {
    throw Error({.where = manifest_path.string(),
                 .what = "the manifest is of another checkpoint",
                 .expected = std::to_string(number),
                 .got = std::to_string(manifest.number),
                 .remedy = "give the folder its own number as name"});
  }
  Checkpoint checkpoint{.number = number, .parts = {}, .facts = manifest.facts};
  for (const auto& [name, entry] : manifest.parts) {
    checkpoint.parts[name] = read_part(folder / name, entry, files);
  }
  return checkpoint;
}

std::string to_text(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text.empty() ? "none" : text;
}

}  // namespace

CheckpointStore::CheckpointStore(path folder, std::size_t keep, FileSystem& files)
    : folder_(std::move(folder)), keep_(keep), files_(&files) {
  if (keep_ > 0) return;
  throw Error({.where = folder_.string(),
               .what = "cannot keep no checkpoint at all",
               .expected = "at least 1",
               .got = "0",
               .remedy = "set the number of checkpoints to keep"});
}

void CheckpointStore::save(const Checkpoint& checkpoint) {
  make_folders(folder_, *files_);
  finish_killed_saves();
  const path partial = with_suffix(folder_, checkpoint.number, kPartial);
  try {
    write_parts(partial, checkpoint);
    put_in_place(checkpoint.number);
  } catch (const Error&) {
    try {
      remove_path(partial, *files_);
    } catch (const Error&) {
      // The first failure is the one to tell; the next save tidies up.
    }
    throw;
  }
  sync_folder(folder_, *files_);
  remove_others(checkpoint.number);
}

void CheckpointStore::finish_killed_saves() const {
  for (const Entry& entry : entries_of(folder_)) {
    const path folder = with_suffix(folder_, entry.number, entry.suffix);
    if (entry.suffix == kReplacement) {
      finish_replacement(entry.number);
    } else if (entry.suffix == kPartial || !is_there(folder / kManifestName)) {
      remove_path(folder, *files_);
    }
  }
}

// The manifest is renamed into place last, so whatever has one is whole.
void CheckpointStore::write_parts(const path& folder, const Checkpoint& checkpoint) const {
  const std::string manifest = formats::manifest_text(checkpoint);
  make_folders(folder, *files_);
  for (const auto& [name, data] : checkpoint.parts) write_file(folder / name, data, *files_);
  write_file_atomically(folder / kManifestName, std::as_bytes(std::span(manifest)), *files_);
}

void CheckpointStore::put_in_place(std::uint64_t number) const {
  const path partial = with_suffix(folder_, number, kPartial);
  const path target = with_suffix(folder_, number, "");
  if (!is_there(target)) return rename_path(partial, target, *files_);
  rename_path(partial, with_suffix(folder_, number, kReplacement), *files_);
  finish_replacement(number);
}

void CheckpointStore::finish_replacement(std::uint64_t number) const {
  const path target = with_suffix(folder_, number, "");
  remove_checkpoint(target, *files_);
  rename_path(with_suffix(folder_, number, kReplacement), target, *files_);
}

void CheckpointStore::remove_others(std::uint64_t newest) const {
  auto all = numbers();
  while (!all.empty() && all.back() > newest) {
    remove_checkpoint(with_suffix(folder_, all.back(), ""), *files_);
    all.pop_back();
  }
  for (std::size_t i = 0; i + keep_ < all.size(); ++i) {
    remove_checkpoint(with_suffix(folder_, all[i], ""), *files_);
  }
}

path CheckpointStore::folder_of(std::uint64_t number) const {
  for (const auto suffix : {std::string_view(), kReplacement}) {
    const path folder = with_suffix(folder_, number, suffix);
    if (is_there(folder / kManifestName)) return folder;
  }
  throw Error({.where = folder_.string(),
               .what = "there is no checkpoint " + std::to_string(number),
               .got = to_text(numbers()),
               .remedy = "choose one of these"});
}

Checkpoint CheckpointStore::load(std::uint64_t number) const {
  const path folder = folder_of(number);
  try {
    return read_checkpoint(folder, number, *files_);
  } catch (const Error&) {
    // A writer may have put the replacement in its place meanwhile.
    if (folder_of(number) == folder) throw;
  }
  return read_checkpoint(folder_of(number), number, *files_);
}

std::optional<Checkpoint> CheckpointStore::load_newest(std::vector<std::string>* warnings) const {
  constexpr int kMostListings = 1000;  // a writer would have to overtake every one of them
  std::vector<std::string> damaged;
  for (int listing = 0; listing < kMostListings; ++listing) {
    damaged.clear();
    const auto entries = entries_of(folder_);
    const auto listed = numbers();
    for (auto number = listed.rbegin(); number != listed.rend(); ++number) {
      try {
        Checkpoint checkpoint = load(*number);
        if (warnings) warnings->insert(warnings->end(), damaged.begin(), damaged.end());
        return checkpoint;
      } catch (const formats::UnknownVersion&) {
        throw;
      } catch (const Error& error) {
        damaged.push_back("checkpoint " + std::to_string(*number) +
                          " is passed over: " + error.what());
      }
    }
    if (entries_of(folder_) == entries) break;  // otherwise a writer removed what was listed
  }
  if (warnings) warnings->insert(warnings->end(), damaged.begin(), damaged.end());
  return std::nullopt;
}

std::vector<std::uint64_t> CheckpointStore::numbers() const {
  std::set<std::uint64_t> numbers;
  for (const auto& [number, suffix] : entries_of(folder_)) {
    if (suffix == kPartial) continue;
    if (is_there(with_suffix(folder_, number, suffix) / kManifestName)) numbers.insert(number);
  }
  return {numbers.begin(), numbers.end()};
}

}  // namespace rl
