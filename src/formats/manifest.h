// The MANIFEST of a checkpoint: what belongs to it, and how to tell that it is unharmed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "rl/core/error.h"
#include "rl/formats/checkpoint.h"

namespace rl::formats {

inline constexpr const char* kManifestName = "MANIFEST";
inline constexpr std::uint64_t kManifestVersion = 1;
inline constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20;

struct PartEntry {
  std::uint64_t bytes = 0;
  std::string digest;  // hexadecimal
};

struct Manifest {
  std::uint64_t number = 0;
  std::map<std::string, PartEntry> parts;
  std::map<std::string, std::string> facts;
};

// Unharmed, but of a format this program does not know: unlike damage, not to be passed over.
class UnknownVersion : public Error {
 public:
  using Error::Error;
};

// JSON, then one line with the digest of that JSON (its line end included).
// Throws Error when a part's name is not a plain file name, or a text is not UTF-8.
std::string manifest_text(const Checkpoint& checkpoint);

// Throws Error prefixed with `where` when the text is damaged, UnknownVersion when it is not but
// has another version.
Manifest parse_manifest(std::string_view text, const std::string& where);

}  // namespace rl::formats
