#include "src/formats/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rl/formats/digest.h"

namespace rl::formats {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kVersionKey = "corral_checkpoint";

std::string hex_digest(std::string_view text) {
  return to_hex(digest(std::as_bytes(std::span(text))));
}

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(
      {.where = where, .what = what, .remedy = "the checkpoint is damaged: use another one"});
}

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name != kManifestName &&
         name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

std::string_view checked_body(std::string_view text, const std::string& where) {
  constexpr std::size_t kDigestLine = 2 * sizeof(Digest) + 1;
  if (text.size() < kDigestLine || text.back() != '\n') fail(where, "the manifest is cut short");
  const std::string_view body = text.substr(0, text.size() - kDigestLine);
  if (text.substr(body.size(), kDigestLine - 1) != hex_digest(body)) {
    fail(where, "the manifest does not match its own digest");
  }
  return body;
}

void check_version(const json& root, const std::string& where) {
  const json version = root.value(kVersionKey, json());
  if (version == kManifestVersion) return;
  throw UnknownVersion({.where = where,
                        .what = "the checkpoint has another format version",
                        .expected = std::to_string(kManifestVersion),
                        .got = version.dump(),
                        .remedy = "open it with the Corral release that wrote it, or a newer one"});
}

}  // namespace

std::string manifest_text(const Checkpoint& checkpoint) {
  ordered_json parts = ordered_json::object();
  for (const auto& [name, data] : checkpoint.parts) {
    if (!is_plain_file_name(name)) {
      throw Error({.where = "checkpoint " + std::to_string(checkpoint.number),
                   .what = "a part's name cannot be a file's",
                   .expected = "a plain file name that does not start with a dot",
                   .got = "'" + name + "'",
                   .remedy = "rename the part"});
    }
    parts[name] = {{"bytes", data.size()}, {"blake2b_256", to_hex(digest(data))}};
  }
  const ordered_json root = {{kVersionKey, kManifestVersion},
                             {"number", checkpoint.number},
                             {"facts", checkpoint.facts},
                             {"parts", parts}};
  std::string body;
  try {
    body = root.dump(2) + "\n";
  } catch (const json::exception&) {
    throw Error({.where = "checkpoint " + std::to_string(checkpoint.number),
                 .what = "a fact or a part's name cannot be written",
                 .expected = "UTF-8",
                 .remedy = "encode binary data, or make it a part"});
  }
  if (body.size() > kMaxManifestBytes / 2) {
    throw Error({.where = "checkpoint " + std::to_string(checkpoint.number),
                 .what = "the facts are too long",
                 .expected = "at most " + std::to_string(kMaxManifestBytes / 2) + " bytes",
                 .got = std::to_string(body.size()),
                 .remedy = "make long texts parts"});
  }
  return body + hex_digest(body) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& where) {
  const std::string_view body = checked_body(text, where);
  try {
    const json root = json::parse(body);
    check_version(root, where);
    Manifest manifest{.number = root.at("number").get<std::uint64_t>(),
                      .parts = {},
                      .facts = root.at("facts").get<std::map<std::string, std::string>>()};
    for (const auto& [name, part] : root.at("parts").get<std::map<std::string, json>>()) {
      if (!is_plain_file_name(name)) fail(where, "the manifest names a part outside its folder");
      manifest.parts[name] = {part.at("bytes").get<std::uint64_t>(),
                              part.at("blake2b_256").get<std::string>()};
    }
    return manifest;
  } catch (const json::exception& error) {
    fail(where, std::string("the manifest is not as expected (") + error.what() + ")");
  }
}

}  // namespace rl::formats
