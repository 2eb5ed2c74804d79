// What disks do to a run: plans F3 to F6 on the real program. See --help.
#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <set>
#include <thread>

#include "rl/cli/numbers.h"
#include "rl/core/error.h"
#include "rl/core/rng.h"
#include "rl/formats/files.h"
#include "tests/faults/faulty_run.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

namespace fs = std::filesystem;

constexpr int kKilled = 86;  // iofault's exit

constexpr const char* kHelp =
    "usage: fault_disk PLAN [--every N] [--points N] [--flips N] [--seed N]\n"
    "\n"
    "  order     F6: the system calls of a checkpoint come in the order that survives a power cut\n"
    "  calls     F5: each call of a training fails with ENOSPC and EIO; the disk fills up\n"
    "  model     F5: each call of writing a model folder over another one fails, or is the last\n"
    "  kills     F3: the training ends at each call, or by kill -9 at random moments; resumed\n"
    "  rot       F4: checkpoints are cut at every 512 bytes, bits flip, files are swapped\n"
    "  quick     all of them, small\n"
    "\n"
    "  --every   of the calls, only each N-th (from a random one on): default 1\n"
    "  --points  kills: how many in all, at least the calls: default 500\n"
    "  --flips   rot: how many bits: default 10000\n";

struct Options {
  std::uint64_t every = 1;
  std::uint64_t points = 500;
  std::uint64_t flips = 10000;
  std::uint64_t seed = 1;
};

int num_wrong = 0;

void require(bool right, const std::string& what) {
  if (right) return;
  ++num_wrong;
  std::printf("WRONG: %s\n", what.c_str());
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return {};
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
}

// A run that nobody disturbed, what it ended in and the calls it made.
struct Undisturbed {
  Undisturbed() {
    const FaultyIo count({}, folder.path() / "whole", folder.path() / "log");
    const Ended ended = run_to_its_end(tiny_training(folder.path() / "whole"));
    require(ended.status == 0, "the undisturbed run ends: " + ended.err);
    digest = newest_digest(folder.path() / "whole");
    calls = count.calls();
  }
  std::string at(const std::string& name) const { return (folder.path() / name).string(); }

  TemporaryFolder folder;
  std::string digest;
  std::vector<std::string> calls;
};

// The calls of one save, by their files' names.
void check_order(const Undisturbed& run) {
  const std::vector<std::string> parts{"algorithm.safetensors", "environments.bin",
                                       "evaluation.bin",        "replay.bin",
                                       "run.bin",               "weights.safetensors"};
  const std::string store = run.at("whole/checkpoints");
  const std::string partial = store + "/128.partial";
  std::vector<std::string> expected{"mkdir " + partial};
  for (const std::string& part : parts) {
    expected.push_back("open " + partial + "/" + part);
    if (part != "evaluation.bin") expected.push_back("write " + partial + "/" + part);
    expected.push_back("fsync " + partial + "/" + part);
  }
  const std::string manifest = partial + "/.MANIFEST.partial";
  for (const char* call : {"open ", "write ", "fsync "}) expected.push_back(call + manifest);
  expected.push_back("rename " + manifest + " -> " + partial + "/MANIFEST");
  for (const char* call : {"open ", "fsync "}) expected.push_back(call + partial);
  expected.push_back("rename " + partial + " -> " + store + "/128");
  for (const char* call : {"open ", "fsync "}) expected.push_back(call + store);
  const auto begin = std::ranges::find(run.calls, expected.front());
  const auto left = static_cast<std::size_t>(run.calls.end() - begin);
  auto call = begin;
  for (std::size_t i = 0; i < std::min(left, expected.size()); ++i, ++call) {
    // An evaluation without anything under way saves a few bytes, or none.
    if (*call != expected[i] && *call == "write " + partial + "/evaluation.bin") ++call;
    require(*call == expected[i], "expected " + expected[i] + ", got " + *call);
  }
  require(left >= expected.size(), "the calls of a whole checkpoint are there");
  std::printf("order: %zu calls of a checkpoint in order\n", expected.size());
}

// The same run, killed in the middle of its third checkpoint of four; copied for every fault.
class Halfway {
 public:
  explicit Halfway(const Undisturbed& run) : run_(run) {
    const auto third = std::ranges::find_if(run.calls, [](const std::string& call) {
      return call.ends_with("/192.partial/run.bin");
    });
    const auto at = static_cast<std::uint64_t>(third - run.calls.begin()) + 1;
    const FaultyIo faulty({.kind = "exit", .at = at}, run.at("half"), run.at("log"));
    require(run_to_its_end(tiny_training(run.at("half"))).status == kKilled, "the first half runs");
  }
  std::string copy() const {
    const std::string out = run_.at("copy");
    fs::remove_all(out);
    fs::copy(run_.at("half"), out, fs::copy_options::recursive);
    return out;
  }

 private:
  const Undisturbed& run_;
};

// The run goes on with an alarm, or ends with a reason; either way it can be finished.
// False when it made fewer calls.
bool check_fault(const Undisturbed& run, const std::string& out, const IoFault& fault) {
  Ended ended;
  std::string failed;
  bool reached = false;
  {
    const FaultyIo faulty(fault, out, run.at("log"));
    ended = run_to_its_end(tiny_training(out));
    failed = faulty.failed();
    reached = faulty.calls().size() >= fault.at;
  }
  const std::string name =
      fault.kind + " at call " + std::to_string(fault.at) + " (" + failed + ")";
  // 2: the configuration cannot be read.
  require(ended.status >= 0 && ended.status <= 2,
          name + " ends well, not by " + std::to_string(ended.status) + ": " + ended.err);
  const char* reason = fault.kind == "EIO" ? "Input/output error" : "No space left on device";
  require(failed.empty() || contains(ended.err, reason), name + " is told: " + ended.err);
  if (ended.status != 0) {
    require(!newest_digest(out).empty(), name + " leaves the earlier checkpoint");
    require(run_to_its_end(tiny_training(out)).status == 0, name + " can be resumed");
  }
  require(newest_digest(out) == run.digest, name + " ends in the bytes of an undisturbed run");
  const auto litter = litter_in(out);
  require(litter.empty(), name + " leaves " + (litter.empty() ? "" : litter.front()));
  return reached;
}

void check_calls(const Options& options) {
  const Undisturbed run;
  const Halfway half(run);
  std::uint64_t faults = 0;
  for (const char* kind : {"ENOSPC", "EIO", "short"}) {
    for (std::uint64_t at = 1 + options.seed % options.every;; at += options.every) {
      if (!check_fault(run, half.copy(), {.kind = kind, .at = at})) break;
      ++faults;
    }
  }
  std::printf("calls: %llu single faults\n", static_cast<unsigned long long>(faults));
  for (const std::uint64_t at : {20, 60}) {
    for (const std::uint64_t count : {30, 0}) {
      check_fault(run, half.copy(), {.kind = "ENOSPC", .at = at, .count = count, .calls = "write"});
    }
  }
  std::printf("calls: a disk that is full for a while, and for good\n");
}

std::vector<std::string> model_words(const std::string& out, const std::string& seed) {
  return {"init-model", "--hidden", "32", "--layers", "1", "--heads", "2", "--context", "32",
          "--seed", seed, "--out", out};
}

std::string model_bytes(const std::string& folder) {
  std::string all;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    const Bytes bytes = read_file(file, std::size_t{1} << 30);
    all += file.filename().string() + "\n";
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

void check_model(const Options& options) {
  const TemporaryFolder folder;
  const auto at_path = [&](const char* name) { return (folder.path() / name).string(); };
  require(run_to_its_end(model_words(at_path("old"), "1")).status == 0, "a model is made");
  require(run_to_its_end(model_words(at_path("new"), "2")).status == 0, "a model is made");
  const std::string old_bytes = model_bytes(at_path("old"));
  const std::string new_bytes = model_bytes(at_path("new"));
  std::uint64_t faults = 0;
  for (const char* kind : {"ENOSPC", "EIO", "short", "exit"}) {
    for (std::uint64_t at = 1 + options.seed % options.every;; at += options.every, ++faults) {
      fs::remove_all(folder.path() / "models");
      fs::create_directories(folder.path() / "models");
      fs::copy(at_path("old"), at_path("models/m"), fs::copy_options::recursive);
      Ended ended;
      std::string failed;
      bool reached = false;
      {
        const FaultyIo faulty({.kind = kind, .at = at}, folder.path() / "models",
                              folder.path() / "log");
        ended = run_to_its_end(model_words(at_path("models/m"), "2"));
        failed = faulty.failed();
        reached = faulty.calls().size() >= at;
      }
      const std::string name = std::string("a model, ") + kind + " at call " + std::to_string(at) +
                               " (" + failed + ")";
      const std::string found = model_bytes(at_path("models/m"));
      require(found == old_bytes || found == new_bytes, name + ": the old one or the new one");
      const std::set<int> good{0, 1, kKilled};
      require(good.contains(ended.status), name + " ends well");
      require(ended.status != 0 || found == new_bytes, name + ": done is done");
      require(ended.status != 1 || !ended.err.empty(), name + " says why");
      const auto litter = litter_in(folder.path() / "models");
      // What is left when the tidying itself fails is the old model; the next save removes it.
      const bool tidy = litter.empty() || ended.status == kKilled ||
                        (ended.status == 0 && found == new_bytes);
      require(tidy, name + " leaves " + (litter.empty() ? "" : litter.front()));
      require(run_to_its_end(model_words(at_path("models/m"), "2")).status == 0,
              name + " can be repeated");
      require(model_bytes(at_path("models/m")) == new_bytes &&
                  litter_in(folder.path() / "models").empty(),
              name + " is put right by the next save");
      if (!reached) break;
    }
  }
  std::printf("model: %llu faults\n", static_cast<unsigned long long>(faults));
}

void check_resumed(const Undisturbed& run, const std::string& out, const std::string& name) {
  const Ended ended = run_to_its_end(tiny_training(out));
  require(ended.status == 0, name + " is resumed, not ended by " + std::to_string(ended.status) +
                                 ": " + last_line(ended.err));
  require(newest_digest(out) == run.digest, name + ": the bytes of an undisturbed run");
  require(litter_in(out).empty(), name + ": no litter");
}

void check_kills(const Options& options) {
  const Undisturbed run;
  const std::string out = run.at("killed");
  std::uint64_t points = 0;
  for (std::uint64_t at = 1 + options.seed % options.every; at <= run.calls.size();
       at += options.every, ++points) {
    fs::remove_all(out);
    const std::string name = "an end at call " + std::to_string(at);
    {
      const FaultyIo faulty({.kind = "exit", .at = at}, out, run.at("log"));
      require(run_to_its_end(tiny_training(out)).status == kKilled, name + " happens");
    }
    check_resumed(run, out, name);
  }
  const std::uint64_t at_calls = points;
  RngStream random(options.seed, RngRole::test, 0);
  for (; points < options.points; ++points) {
    fs::remove_all(out);
    const std::uint64_t microseconds = random.below(400000);
    Program program(tiny_training(out));
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    program.send(SIGKILL);
    program.finish();
    check_resumed(run, out, "kill -9 after " + std::to_string(microseconds) + " us");
  }
  std::printf("kills: %llu points, %llu of them the %zu calls of the run, the rest random\n",
              static_cast<unsigned long long>(points), static_cast<unsigned long long>(at_calls),
              run.calls.size());
}

// Whoever loads gets the older checkpoint, with one warning, or at worst none.
class Rot {
 public:
  explicit Rot(const Undisturbed& run)
      : store_(run.at("whole/checkpoints"), 3), folder_(run.at("whole/checkpoints")) {
    numbers_ = store_.numbers();
    require(numbers_.size() >= 2, "there are several checkpoints");
    newest_ = folder_ / std::to_string(numbers_.back());
    for (const auto& entry : fs::directory_iterator(newest_)) {
      files_.push_back(entry.path());
      contents_.push_back(read_file(entry.path(), std::size_t{1} << 30));
    }
  }

  void cut() {
    std::uint64_t cuts = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      for (std::size_t size = 0; size < contents_[i].size(); size += 512, ++cuts) {
        put(i, std::span(contents_[i]).first(size));
        expect_detected("a cut at " + std::to_string(size) + " of " + files_[i].string());
      }
      put(i, contents_[i]);
    }
    std::printf("rot: %llu cuts, all detected\n", static_cast<unsigned long long>(cuts));
  }

  void flip(const Options& options) {
    RngStream random(options.seed, RngRole::test, 1);
    std::size_t total = 0;
    for (const Bytes& bytes : contents_) total += bytes.size();
    for (std::uint64_t round = 0; round < options.flips; ++round) {
      std::size_t byte = random.below(total);
      std::size_t i = 0;
      while (byte >= contents_[i].size()) byte -= contents_[i++].size();
      Bytes damaged = contents_[i];
      damaged[byte] ^= std::byte{1} << random.below(8);
      put(i, damaged);
      expect_detected("a flipped bit in byte " + std::to_string(byte) + " of " +
                      files_[i].string());
      put(i, contents_[i]);
    }
    std::printf("rot: %llu flipped bits, all detected\n",
                static_cast<unsigned long long>(options.flips));
  }

  // Each file with each of its neighbours, and with its namesake of the checkpoint before.
  void swap() {
    std::uint64_t swaps = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      std::vector<Bytes> others = contents_;
      others.push_back(read_file(folder_ / std::to_string(numbers_[numbers_.size() - 2]) /
                                     files_[i].filename(),
                                 std::size_t{1} << 30));
      for (const Bytes& other : others) {
        if (other == contents_[i]) continue;
        put(i, other);
        expect_detected("another file's bytes in " + files_[i].string());
        ++swaps;
      }
      put(i, contents_[i]);
    }
    require(newest() == numbers_.back(), "with all put back the newest loads");
    std::printf("rot: %llu swapped files, all detected\n", static_cast<unsigned long long>(swaps));
  }

 private:
  void put(std::size_t file, std::span<const std::byte> bytes) {
    std::ofstream stream(files_[file], std::ios::binary | std::ios::trunc);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
  }
  std::uint64_t newest() {
    const auto loaded = store_.load_newest(nullptr);
    return loaded ? loaded->number : 0;
  }
  void expect_detected(const std::string& what) {
    require(newest() == numbers_[numbers_.size() - 2], what + " is detected");
  }

  CheckpointStore store_;
  fs::path folder_;
  std::vector<std::uint64_t> numbers_;
  fs::path newest_;
  std::vector<fs::path> files_;
  std::vector<Bytes> contents_;
};

void check_rot(const Options& options) {
  const Undisturbed run;
  Rot rot(run);
  rot.cut();
  rot.flip(options);
  rot.swap();
  // A damaged run resumes from the one before, says so and ends in the same bytes.
  std::ofstream(run.at("whole/checkpoints/256/run.bin"), std::ios::trunc) << "?";
  const Ended ended = run_to_its_end(tiny_training(run.at("whole")));
  require(ended.status == 0 && contains(ended.err, "checkpoint 256 is passed over"),
          "a damaged checkpoint is named: " + ended.err);
  require(newest_digest(run.at("whole")) == run.digest, "resumed behind it in the same bytes");
}

void check_quick(Options options) {
  options.every = 23;
  options.points = 20;
  options.flips = 1000;
  check_order(Undisturbed());
  check_kills(options);
  check_calls(options);
  check_model(options);
  check_rot(options);
}

int run(const std::vector<std::string>& words) {
  const std::map<std::string, std::function<void(const Options&)>> plans{
      {"order", [](const Options&) { check_order(Undisturbed()); }},
      {"calls", check_calls},
      {"model", check_model},
      {"kills", check_kills},
      {"rot", check_rot},
      {"quick", check_quick}};
  Options options;
  const std::map<std::string, std::uint64_t*> numbers{{"--every", &options.every},
                                                      {"--points", &options.points},
                                                      {"--flips", &options.flips},
                                                      {"--seed", &options.seed}};
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    *numbers.at(words[i]) = std::stoull(words[i + 1]);
  }
  plans.at(words.at(0))(options);
  std::printf("%s: %d wrong\n", words[0].c_str(), num_wrong);
  return num_wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return rl::tests::run(words);
  } catch (const std::out_of_range&) {
    std::fputs(rl::tests::kHelp, stderr);
    return 2;
  }
}
