// Any text as a checkpoint's MANIFEST: refused, or parts that are plain files of the folder.
#include "fuzz/target.h"
#include "rl/formats/digest.h"
#include "src/formats/manifest.h"

namespace {

using namespace rl;
using namespace rl::fuzz;

void read(std::string_view text) {
  answers([&] {
    const formats::Manifest manifest = formats::parse_manifest(text, "fuzz");
    for (const auto& [name, part] : manifest.parts) {
      require(!name.empty() && name.find('/') == name.npos && name.front() != '.',
              "a part is a file of the folder");
    }
  });
}

}  // namespace

RL_FUZZ_TARGET(checkpoint_manifest) {
  read(as_text(input));
  read(std::string(as_text(input)) + to_hex(digest(input)) + "\n");
}
