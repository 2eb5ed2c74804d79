#include "rl/formats/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "formats/faulty_files.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "support/temporary_folder.h"

namespace {

using rl::tests::Fault;
using rl::tests::FaultyFiles;
using rl::tests::TemporaryFolder;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const std::filesystem::path& path) {
  const rl::Bytes bytes = rl::read_file(path, 1000);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t num_entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                                std::filesystem::directory_iterator()));
}

TEST_SUITE_BEGIN("files");

TEST_CASE("digests are those of b2sum -l 256") {
  CHECK(rl::to_hex(rl::digest(bytes_of("abc"))) ==
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  CHECK(rl::to_hex(rl::digest({})) ==
        "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

TEST_CASE("an atomic write makes or replaces the file and leaves nothing else") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "report.html";
  rl::write_file_atomically(file, bytes_of("old"));
  CHECK(text_of(file) == "old");
  rl::write_file_atomically(file, bytes_of("new and longer"));
  CHECK(text_of(file) == "new and longer");
  rl::write_file_atomically(file, {});
  CHECK(text_of(file).empty());
  CHECK(num_entries(folder.path()) == 1);
}

TEST_CASE("an atomic write brings the bytes to the disk before it shows them") {
  const TemporaryFolder folder;
  FaultyFiles files;
  rl::write_file_atomically(folder.path() / "a", bytes_of("x"), files);
  const std::string folder_name = folder.path().filename().string();
  CHECK(files.calls == std::vector<std::string>{"open .a.partial", "write", "sync",
                                                "rename .a.partial a", "open " + folder_name,
                                                "sync"});
}

TEST_CASE("whichever call fails, the old or the new file stands and no litter is left") {
  for (const Fault fault : {Fault::no_space, Fault::io_error, Fault::short_write}) {
    for (std::size_t call = 1;; ++call) {
      const TemporaryFolder folder;
      const auto file = folder.path() / "a";
      rl::write_file_atomically(file, bytes_of("old"));
      FaultyFiles files(call, fault);
      CAPTURE(call);
      try {
        rl::write_file_atomically(file, bytes_of("new"), files);
      } catch (const rl::Error&) {
        const bool only_the_folder = call >= 5;
        CHECK(text_of(file) == (only_the_folder ? "new" : "old"));
      }
      CHECK(num_entries(folder.path()) == 1);
      if (!files.failed()) break;
    }
  }
}

TEST_CASE("an error names the file, the system's reason and what to do") {
  const TemporaryFolder folder;
  FaultyFiles full(2, Fault::no_space);
  CHECK_THROWS_WITH_AS(rl::write_file_atomically(folder.path() / "a", bytes_of("x"), full),
                       doctest::Contains("No space left on device; free some space"), rl::Error);
  CHECK_THROWS_WITH_AS(rl::write_file_atomically("/nowhere/a", bytes_of("x")),
                       doctest::Contains("/nowhere/.a.partial"), rl::Error);
}

TEST_CASE("interrupted reads, writes and opens are tried again") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "a";
  for (const std::size_t call : {1, 2}) {
    FaultyFiles files(call, Fault::interrupted);
    CHECK_NOTHROW(rl::write_file(file, bytes_of("text"), files));
    FaultyFiles again(call, Fault::interrupted);
    CHECK(rl::read_file(file, 100, again).size() == 4);
  }
}

TEST_CASE("appending adds to what is there") {
  const TemporaryFolder folder;
  rl::append_file(folder.path() / "log", bytes_of("one\n"));
  rl::append_file(folder.path() / "log", bytes_of("two\n"));
  CHECK(text_of(folder.path() / "log") == "one\ntwo\n");
}

TEST_CASE("a file may be written in pieces") {
  const TemporaryFolder folder;
  std::vector<std::string_view> pieces = {"one, ", "two", ""};
  std::size_t given = 0;
  rl::write_pieces(folder.path() / "a", [&] { return bytes_of(pieces[given++]); });
  CHECK(text_of(folder.path() / "a") == "one, two");
}

TEST_CASE("two folders change places at once, where the file system can") {
  const TemporaryFolder folder;
  rl::make_folders(folder.path() / "a");
  rl::make_folders(folder.path() / "b");
  rl::write_file(folder.path() / "a" / "x", bytes_of("1"));
  if (rl::exchange_paths(folder.path() / "a", folder.path() / "b")) {
    CHECK(text_of(folder.path() / "b" / "x") == "1");
  }
  CHECK_THROWS_AS(rl::exchange_paths(folder.path() / "a", folder.path() / "c"), rl::Error);
}

TEST_CASE("reading refuses what is too long, missing or no regular file") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "a";
  rl::write_file(file, bytes_of("four"));
  CHECK(rl::read_file(file, 4).size() == 4);
  CHECK_THROWS_WITH_AS(rl::read_file(file, 3), doctest::Contains("at most 3 bytes, got 4 bytes"),
                       rl::Error);
  CHECK_THROWS_WITH_AS(rl::read_file(folder.path() / "b", 3), doctest::Contains("No such file"),
                       rl::Error);
  CHECK_THROWS_AS(rl::read_file(folder.path(), 3), rl::Error);
  const auto pipe = folder.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(rl::read_file(pipe, 3), doctest::Contains("another kind"), rl::Error);
  FaultyFiles broken(2, Fault::io_error);
  CHECK_THROWS_WITH_AS(rl::read_file(file, 4, broken), doctest::Contains("cannot read"), rl::Error);
}

TEST_CASE("folders are made with those above them and removed with what is in them") {
  const TemporaryFolder folder;
  const auto deep = folder.path() / "a" / "b" / "c";
  rl::make_folders(deep);
  rl::make_folders(deep);
  rl::write_file(deep / "file", bytes_of("x"));
  rl::remove_path(folder.path() / "a");
  CHECK(num_entries(folder.path()) == 0);
  CHECK_NOTHROW(rl::remove_path(folder.path() / "a"));
  FaultyFiles broken(1, Fault::io_error);
  CHECK_THROWS_AS(rl::make_folders(deep, broken), rl::Error);
}

TEST_SUITE_END();

}  // namespace
