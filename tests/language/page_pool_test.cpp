#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "src/language/page_table.h"
#include "tests/language/scripted_model.h"

TEST_SUITE_BEGIN("language::page_pool");

using namespace rl;
using namespace rl::language;


TEST_CASE("a page is free again when its last owner releases it") {
  PagePool pool = PagePool({2, 4, 3}, 2);
  const PageId first = pool.take();
  const PageId second = pool.take();
  CHECK(first != second);
  CHECK(pool.available() == 0);
  pool.share(first);
  pool.release(first);
  CHECK(pool.available() == 0);
  CHECK_FALSE(pool.shared(first));
  pool.release(first);
  CHECK(pool.available() == 1);
  CHECK(pool.take() == first);
}

TEST_CASE("layers, keys and values of a page do not overlap") {
  PagePool pool = PagePool({2, 4, 3}, 1);
  const PageId page = pool.take();
  CHECK(pool.values(page, 0) - pool.keys(page, 0) == 12);
  CHECK(pool.keys(page, 1) - pool.values(page, 0) == 12);
  CHECK(pool.values(page, 1) - pool.keys(page, 1) == 12);
}

TEST_CASE("a table shares pages until it writes: then it has a copy of its own") {
  PagePool pool({2, 4, 3}, 10);
  PageTable first(pool);
  CHECK(first.needed(0, 6) == 2);
  first.prepare(0, 6);
  CHECK(pool.in_use() == 2);
  first.cache().key_pages[1][1][0] = 42.0F;

  PageTable second(pool);
  second.share(first, 6);
  CHECK(pool.in_use() == 2);
  CHECK(second.needed(6, 7) == 1);
  second.prepare(6, 7);
  CHECK(pool.in_use() == 3);
  CHECK(second.cache().key_pages[1][0] == first.cache().key_pages[1][0]);
  CHECK(second.cache().key_pages[1][1] != first.cache().key_pages[1][1]);
  CHECK(second.cache().key_pages[1][1][0] == 42.0F);

  // The first is the only owner now: it writes in place.
  CHECK(first.needed(6, 8) == 0);
  CHECK(first.needed(6, 9) == 1);
  first.release();
  second.release();
  CHECK(pool.in_use() == 0);
}

TEST_CASE("a table gives its pages back when it ends") {
  PagePool pool({1, 1, 1}, 5);
  {
    PageTable table(pool);
    table.prepare(0, 5);
    CHECK(pool.available() == 0);
  }
  CHECK(pool.available() == 5);
}

TEST_CASE("page sizes that make no sense are refused") {
  const ModelConfig config = scripted_config();
  CHECK_THROWS_WITH_AS(page_shape(config, 0), doctest::Contains("page_size"), Error);
  CHECK_THROWS_WITH_AS(page_shape(config, std::size_t{1} << 40), doctest::Contains("page_size"),
                       Error);
}

TEST_SUITE_END();
