#include "rl/formats/checkpoint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include "formats/faulty_files.h"
#include "rl/core/error.h"
#include "rl/core/rng.h"
#include "rl/formats/digest.h"
#include "support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using rl::Bytes;
using rl::Checkpoint;
using rl::CheckpointStore;
using rl::tests::Fault;
using rl::tests::FaultyFiles;
using rl::tests::Killed;
using rl::tests::TemporaryFolder;

Bytes noise(std::uint64_t seed, std::size_t size) {
  rl::RngStream random(seed, rl::RngRole::test, 0);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next_u32());
  return bytes;
}

Checkpoint sample(std::uint64_t number, std::uint64_t seed = 0) {
  return {.number = number,
          .parts = {{"weights.safetensors", noise(number + 1000 * seed, 1500)},
                    {"run.bin", noise(number + 1000 * seed + 500, 700)},
                    {"empty", {}}},
          .facts = {{"environment", "CartPole-v1"}, {"note", "schön"}}};
}

bool equal(const Checkpoint& a, const Checkpoint& b) {
  return a.number == b.number && a.parts == b.parts && a.facts == b.facts;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

FaultyFiles quick;  // fails never and waits for no disk

void overwrite(const fs::path& file, std::span<const std::byte> bytes) {
  rl::write_file(file, bytes, quick);
}

Bytes contents(const fs::path& file) {
  return rl::read_file(file, 100000);
}

// The number loaded, having warned `warnings` times, or 0.
std::uint64_t newest(const CheckpointStore& store, std::size_t num_warnings) {
  std::vector<std::string> warnings;
  const auto loaded = store.load_newest(&warnings);
  CHECK(warnings.size() == num_warnings);
  if (!loaded) return 0;
  CHECK(equal(*loaded, sample(loaded->number)));
  return loaded->number;
}

TEST_SUITE_BEGIN("checkpoint store");

TEST_CASE("what is saved is loaded, bit for bit") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path() / "run" / "checkpoints", 3, quick);
  store.save(sample(7));
  CHECK(equal(store.load(7), sample(7)));
  CHECK(newest(store, 0) == 7);
}

TEST_CASE("an empty or missing folder has no checkpoint") {
  const TemporaryFolder folder;
  CHECK_FALSE(CheckpointStore(folder.path(), 1).load_newest(nullptr));
  CHECK_FALSE(CheckpointStore(folder.path() / "none", 1).load_newest(nullptr));
  CHECK_FALSE(fs::exists(folder.path() / "none"));
}

TEST_CASE("the newest K are kept") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  for (const std::uint64_t number : {1, 2, 10, 11}) store.save(sample(number));
  CHECK(store.numbers() == std::vector<std::uint64_t>{2, 10, 11});
  CHECK(names_in(folder.path()) == std::set<std::string>{"2", "10", "11"});
  CHECK(newest(store, 0) == 11);
}

TEST_CASE("a run that went back drops the future it did not take") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 1, quick);
  store.save(sample(9000));
  store.save(sample(8500));
  CHECK(store.numbers() == std::vector<std::uint64_t>{8500});
}

TEST_CASE("a number saved again is replaced") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 2, quick);
  store.save(sample(5, 1));
  store.save(sample(5, 2));
  CHECK(equal(store.load(5), sample(5, 2)));
  CHECK(names_in(folder.path()) == std::set<std::string>{"5"});
}

TEST_CASE("keeping none and asking for one that is not there are refused") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(CheckpointStore(folder.path(), 0), doctest::Contains("at least 1"),
                       rl::Error);
  CheckpointStore store(folder.path(), 2, quick);
  store.save(sample(5));
  CHECK_THROWS_WITH_AS(store.load(6), doctest::Contains("no checkpoint 6: got 5"), rl::Error);
}

TEST_CASE("names that leave the folder and texts that are not UTF-8 are refused before any write") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path() / "c", 2, quick);
  for (const std::string& name : std::vector<std::string>{"", ".", "../x", "a/b", ".hidden",
                                                          "MANIFEST", std::string("a\0b", 3)}) {
    Checkpoint checkpoint = sample(1);
    checkpoint.parts[name] = {};
    CHECK_THROWS_AS(store.save(checkpoint), rl::Error);
  }
  Checkpoint checkpoint = sample(1);
  checkpoint.facts["bad"] = "\xFF";
  CHECK_THROWS_WITH_AS(store.save(checkpoint), doctest::Contains("UTF-8"), rl::Error);
  checkpoint.facts["bad"] = std::string(1 << 20, 'x');
  CHECK_THROWS_WITH_AS(store.save(checkpoint), doctest::Contains("too long"), rl::Error);
  CHECK(store.numbers().empty());
  CHECK(names_in(folder.path() / "c").empty());
}

TEST_CASE("bytes are on the disk before the folder appears, the manifest last") {
  const TemporaryFolder folder;
  FaultyFiles files;
  CheckpointStore store(folder.path(), 1, files);
  store.save({.number = 3, .parts = {{"a", noise(1, 10)}, {"b", noise(2, 10)}}, .facts = {}});
  CHECK(files.calls ==
        std::vector<std::string>{"make_folder 3.partial", "open a", "write", "sync", "open b",
                                 "write", "sync", "open .MANIFEST.partial", "write", "sync",
                                 "rename .MANIFEST.partial MANIFEST", "open 3.partial", "sync",
                                 "rename 3.partial 3", "open " + folder.path().filename().string(),
                                 "sync"});
}

TEST_CASE("every truncation of every file is detected and the previous checkpoint is used") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  store.save(sample(2));
  for (const auto& name : names_in(folder.path() / "2")) {
    const fs::path file = folder.path() / "2" / name;
    const Bytes whole = contents(file);
    std::set<std::size_t> sizes;
    for (std::size_t size = 0; size < whole.size(); size += 512) sizes.insert(size);
    if (!whole.empty()) sizes.insert(whole.size() - 1);
    for (const std::size_t size : sizes) {
      CAPTURE(name);
      CAPTURE(size);
      overwrite(file, std::span(whole).first(size));
      CHECK(newest(store, 1) == 1);
    }
    overwrite(file, whole);
    CHECK(newest(store, 0) == 2);
    fs::remove(file);
    CHECK(newest(store, name == "MANIFEST" ? 0 : 1) == 1);
    overwrite(file, whole);
  }
}

TEST_CASE("every flipped bit is detected and the previous checkpoint is used") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  store.save(sample(2));
  rl::RngStream random(5, rl::RngRole::test, 0);
  std::size_t detected = 0;
  std::size_t flips = 0;
  for (const std::string name : {"MANIFEST", "weights.safetensors", "run.bin"}) {
    const fs::path file = folder.path() / "2" / name;
    const Bytes whole = contents(file);
    const bool every_bit = name == "MANIFEST";
    const std::size_t rounds = every_bit ? whole.size() * 8 : 1500;
    for (std::size_t round = 0; round < rounds; ++round, ++flips) {
      const std::size_t bit = every_bit ? round : random.below(whole.size() * 8);
      Bytes damaged = whole;
      damaged[bit / 8] ^= std::byte{1} << (bit % 8);
      overwrite(file, damaged);
      const auto loaded = store.load_newest(nullptr);
      if (loaded && loaded->number == 1) ++detected;
    }
    overwrite(file, whole);
  }
  CHECK(detected == flips);
  CHECK(flips > 5000);
}

TEST_CASE("swapped parts, longer parts and folders under another name are detected") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  store.save(sample(2));
  const fs::path weights = folder.path() / "2" / "weights.safetensors";
  const Bytes whole = contents(weights);

  overwrite(weights, contents(folder.path() / "1" / "weights.safetensors"));
  CHECK(newest(store, 1) == 1);
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  overwrite(weights, longer);
  CHECK(newest(store, 1) == 1);
  overwrite(weights, whole);
  fs::rename(folder.path() / "2", folder.path() / "4");
  CHECK(newest(store, 1) == 1);
  CHECK_THROWS_WITH_AS(store.load(4), doctest::Contains("expected 4, got 2"), rl::Error);
}

TEST_CASE("when all are damaged there is none, with a line for each") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  store.save(sample(2));
  overwrite(folder.path() / "1" / "run.bin", {});
  overwrite(folder.path() / "2" / "run.bin", {});
  std::vector<std::string> warnings;
  CHECK_FALSE(store.load_newest(&warnings));
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].find("checkpoint 2 is passed over") != std::string::npos);
  CHECK(warnings[0].find("run.bin") != std::string::npos);
}

void write_manifest(const fs::path& file, const std::string& body) {
  const auto digest = rl::to_hex(rl::digest(std::as_bytes(std::span(body))));
  const std::string text = body + digest + "\n";
  overwrite(file, std::as_bytes(std::span(text)));
}

TEST_CASE("another format version is refused with both sides shown, not passed over") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  store.save(sample(2));
  write_manifest(folder.path() / "2" / "MANIFEST", "{\"corral_checkpoint\": 2, \"number\": 2}\n");
  CHECK_THROWS_WITH_AS(store.load(2), doctest::Contains("expected 1, got 2"), rl::Error);
  CHECK_THROWS_WITH_AS(store.load_newest(nullptr), doctest::Contains("format version"), rl::Error);
}

TEST_CASE("a manifest that is whole but wrong is refused") {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path(), 3, quick);
  store.save(sample(1));
  const fs::path manifest = folder.path() / "1" / "MANIFEST";
  const std::string start = "{\"corral_checkpoint\": 1, \"number\": 1, \"facts\": {}, \"parts\": ";
  const std::string digest(64, '0');
  for (const std::string& parts : std::vector<std::string>{
           "[]", "{\"run.bin\": 1}", "{\"run.bin\": {\"bytes\": \"1\"}}",
           "{\"../../etc/passwd\": {\"bytes\": 1, \"blake2b_256\": \"" + digest + "\"}}",
           "{\"run.bin\": {\"bytes\": 700, \"blake2b_256\": \"" + digest + "\"}}"}) {
    write_manifest(manifest, start + parts + "}\n");
    CHECK_THROWS_WITH_AS(store.load(1), doctest::Contains("damaged"), rl::Error);
  }
  write_manifest(manifest, "not JSON\n");
  CHECK_THROWS_WITH_AS(store.load(1), doctest::Contains("damaged"), rl::Error);
}

TEST_CASE("whichever call fails, the earlier checkpoints are intact and a later save tidies up") {
  for (const Fault fault : {Fault::no_space, Fault::io_error, Fault::short_write, Fault::kill}) {
    for (std::size_t call = 1;; ++call) {
      CAPTURE(call);
      const TemporaryFolder folder;
      CheckpointStore store(folder.path(), 3, quick);
      store.save(sample(1));
      store.save(sample(2));
      FaultyFiles files(call, fault);
      bool saved = false;
      try {
        CheckpointStore(folder.path(), 3, files).save(sample(3));
        saved = true;
      } catch (const rl::Error&) {
      } catch (const Killed&) {
      }
      CHECK(saved == !files.failed());
      CHECK(equal(store.load(1), sample(1)));
      CHECK(equal(store.load(2), sample(2)));
      CHECK(newest(store, 0) >= (saved ? 3 : 2));
      if (fault != Fault::kill) CHECK(names_in(folder.path()).count("3.partial") == 0);
      store.save(sample(4));
      CHECK(newest(store, 0) == 4);
      CHECK(names_in(folder.path()).size() == 3);
      if (saved) break;
    }
  }
}

TEST_CASE("a store of one survives a kill at any call, also when it replaces its only number") {
  for (const std::uint64_t number : {2, 1}) {
    for (std::size_t call = 1;; ++call) {
      CAPTURE(call);
      const TemporaryFolder folder;
      CheckpointStore store(folder.path(), 1, quick);
      store.save(sample(1));
      FaultyFiles files(call, Fault::kill);
      bool killed = false;
      try {
        CheckpointStore(folder.path(), 1, files).save(sample(number, 7));
      } catch (const Killed&) {
        killed = true;
      }
      const auto loaded = store.load_newest(nullptr);
      REQUIRE(loaded);
      CHECK((equal(*loaded, sample(1)) || equal(*loaded, sample(number, 7))));
      store.save(sample(number, 8));
      CHECK(equal(*store.load_newest(nullptr), sample(number, 8)));
      CHECK(names_in(folder.path()) == std::set<std::string>{std::to_string(number)});
      if (!killed) break;
    }
  }
}

TEST_CASE(
    "a reader beside a writer always finds a whole checkpoint, never an older one than before") {
  const TemporaryFolder folder;
  constexpr std::uint64_t kSaves = 150;
  CheckpointStore store(folder.path(), 1, quick);
  store.save(sample(1));
  std::jthread writer([&] {
    FaultyFiles files;
    CheckpointStore mine(folder.path(), 1, files);
    for (std::uint64_t number = 2; number <= kSaves; ++number) mine.save(sample(number));
  });
  std::uint64_t last = 0;
  std::size_t wrong = 0;
  while (last < kSaves) {
    const auto loaded = store.load_newest(nullptr);
    if (!loaded || loaded->number < last || !equal(*loaded, sample(loaded->number))) ++wrong;
    if (loaded) last = loaded->number;
    if (wrong > 0) break;
  }
  CHECK(wrong == 0);
}

TEST_CASE("files that are no checkpoints are left alone") {
  const TemporaryFolder folder;
  rl::write_file(folder.path() / "notes.txt", {});
  rl::make_folders(folder.path() / "007");
  CheckpointStore store(folder.path(), 1, quick);
  store.save(sample(7));
  store.save(sample(8));
  CHECK(names_in(folder.path()) == std::set<std::string>{"007", "8", "notes.txt"});
}

TEST_SUITE_END();

}  // namespace
