#include <doctest/doctest.h>

#include <algorithm>
#include <new>
#include <numeric>
#include <string>

#include "tests/language/scripted_model.h"

TEST_SUITE_BEGIN("language::batch_generator");

using namespace rl;
using namespace rl::language;

namespace {

struct Fixture {
  explicit Fixture(const GeneratorOptions& options, const ModelConfig& config = scripted_config(),
                   std::size_t threads = 1) {
    auto owned = std::make_unique<ScriptedModel>(config, threads);
    model = owned.get();
    generator = std::make_unique<BatchGenerator>(std::move(owned), 7, options);
  }
  ScriptedModel* model;
  std::unique_ptr<BatchGenerator> generator;
};

GenerationRequest request(std::uint64_t id, std::size_t prompt, std::size_t samples,
                          std::size_t max_new) {
  GenerationRequest made;
  made.id = id;
  for (std::size_t i = 0; i < prompt; ++i) {
    made.prompt.push_back(static_cast<TokenId>((i * 7 + 3) % 50));
  }
  made.num_samples = samples;
  made.max_new_tokens = max_new;
  made.seed = 5;
  made.stream = 100 * id;
  return made;
}

std::vector<GenerationRequest> random_requests(RngStream& stream, std::size_t count) {
  std::vector<GenerationRequest> requests;
  for (std::size_t id = 0; id < count; ++id) {
    GenerationRequest each = request(id, 1 + stream.below(25), 1 + stream.below(4),
                                     1 + stream.below(20));
    for (TokenId& token : each.prompt) token = static_cast<TokenId>(stream.below(50));
    if (stream.below(2) == 0) each.sampling = {.temperature = 0.8F, .top_k = 9, .top_p = 0.9F};
    if (stream.below(5) == 0) each.sampling = {.temperature = 0.0F};
    if (stream.below(2) == 0) each.stop_ids = {4, 5, 6};
    requests.push_back(std::move(each));
  }
  return requests;
}

// Each request alone in a generator with room for everything.
Stories told_alone(const std::vector<GenerationRequest>& requests) {
  Stories stories;
  for (const GenerationRequest& each : requests) {
    for (std::size_t sample = 0; sample < each.num_samples; ++sample) {
      GenerationRequest single = each;
      single.num_samples = 1;
      single.stream += sample;
      Fixture alone({.page_size = 64, .max_sequences = 1});
      alone.generator->submit(single);
      stories[{each.id, sample}] = run_to_end(*alone.generator).begin()->second;
    }
  }
  return stories;
}

}  // namespace

TEST_CASE("a sequence depends on its request alone, whatever the schedule") {
  RngStream stream(1, RngRole::test, 0);
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    const std::vector<GenerationRequest> requests = random_requests(stream, 6);
    const Stories expected = told_alone(requests);
    for (const std::size_t page_size : {1UL, 5UL, 16UL, 64UL}) {
      const std::size_t least = (40 + page_size - 1) / page_size;
      GeneratorOptions options;
      options.page_size = page_size;
      options.cache_pages = least + stream.below(2 * least + 2);
      options.max_sequences = 1 + stream.below(9);
      options.prefill_tokens = 1 + stream.below(30);
      Fixture fixture(options, scripted_config(), 1 + stream.below(3));
      CAPTURE(page_size);
      CAPTURE(options.cache_pages);
      CAPTURE(options.max_sequences);
      CAPTURE(options.prefill_tokens);
      Stories stories;
      for (const GenerationRequest& each : requests) {
        fixture.generator->submit(each);
        for (std::uint64_t steps = stream.below(4); steps > 0; --steps) {
          collect(fixture.generator->step(), stories);
        }
      }
      for (const auto& [key, story] : run_to_end(*fixture.generator)) {
        Story& whole = stories[key];
        whole.tokens.insert(whole.tokens.end(), story.tokens.begin(), story.tokens.end());
        whole.log_probs.insert(whole.log_probs.end(), story.log_probs.begin(),
                               story.log_probs.end());
        whole.policy_log_probs.insert(whole.policy_log_probs.end(),
                                      story.policy_log_probs.begin(),
                                      story.policy_log_probs.end());
        whole.ended = story.ended;
        whole.reason = story.reason;
      }
      REQUIRE(stories == expected);
      REQUIRE(fixture.generator->pool().in_use() == 0);
    }
  }
}

TEST_CASE("the samples of a request share one prefill and its pages") {
  Fixture fixture({.page_size = 4, .max_sequences = 8, .prefill_tokens = 64});
  fixture.generator->submit(request(1, 18, 8, 4));
  const auto first = fixture.generator->step();
  CHECK(fixture.model->last_rows == 18);
  CHECK(first.size() == 8);
  CHECK(fixture.generator->pool().in_use() == 5);
  for (std::size_t i = 0; i < 8; ++i) CHECK(first[i].sample == i);
  CHECK(fixture.generator->step().size() == 8);
  CHECK(fixture.model->last_rows == 8);
  // Four full pages are shared; the fifth was copied by all but the last to write.
  CHECK(fixture.generator->pool().in_use() == 4 + 8);
  run_to_end(*fixture.generator);
  CHECK(fixture.generator->pool().in_use() == 0);
}

TEST_CASE("samples of a request are independent of each other") {
  Fixture fixture({});
  fixture.generator->submit(request(1, 5, 4, 12));
  const Stories stories = run_to_end(*fixture.generator);
  REQUIRE(stories.size() == 4);
  CHECK(stories.at({1, 0}).tokens != stories.at({1, 1}).tokens);
}

TEST_CASE("a long prompt is read in parts while running sequences go on") {
  Fixture fixture({.page_size = 4, .max_sequences = 4, .prefill_tokens = 8});
  fixture.generator->submit(request(1, 3, 1, 20));
  CHECK(fixture.generator->step().size() == 1);
  fixture.generator->submit(request(2, 20, 1, 3));
  for (int part = 0; part < 2; ++part) {
    const auto tokens = fixture.generator->step();
    REQUIRE(tokens.size() == 1);
    CHECK(tokens[0].request == 1);
    CHECK(fixture.model->last_rows == 9);
  }
  CHECK(fixture.generator->step().size() == 2);
  CHECK(fixture.model->last_rows == 5);
}

TEST_CASE("no more than max_sequences run together; the others wait in order") {
  Fixture fixture({.max_sequences = 2});
  for (std::uint64_t id = 0; id < 4; ++id) fixture.generator->submit(request(id, 2, 1, 3));
  std::vector<std::uint64_t> order;
  while (!fixture.generator->idle()) {
    const auto tokens = fixture.generator->step();
    CHECK(tokens.size() <= 2);
    for (const GeneratedToken& token : tokens) {
      if (token.last) order.push_back(token.request);
    }
  }
  CHECK(order == std::vector<std::uint64_t>{0, 1, 2, 3});
}

TEST_CASE("out of pages, the newest sequence waits and is recomputed") {
  GeneratorOptions options{.page_size = 4, .cache_pages = 10, .max_sequences = 4};
  Fixture fixture(options);
  for (std::uint64_t id = 0; id < 3; ++id) fixture.generator->submit(request(id, 8, 1, 30));
  std::size_t fewest = 3;
  Stories stories;
  while (!fixture.generator->idle()) {
    const auto tokens = fixture.generator->step();
    CHECK(fixture.generator->pool().in_use() <= 10);
    if (stories.size() == 3) fewest = std::min(fewest, tokens.size());
    collect(tokens, stories);
  }
  CHECK(fewest == 1);
  CHECK(fixture.model->rows > 3 * 37);
  for (const auto& [key, story] : stories) CHECK(story.tokens.size() == 30);
}

TEST_CASE("a sequence ends by a stop token, the length, or the context") {
  Fixture fixture({.page_size = 4});
  GenerationRequest stopping = request(1, 4, 1, 30);
  fixture.generator->submit(stopping);
  const Story whole = run_to_end(*fixture.generator).begin()->second;
  CHECK(whole.reason == FinishReason::length);
  CHECK(whole.tokens.size() == 30);

  stopping.stop_ids = {whole.tokens[5]};
  fixture.generator->submit(stopping);
  const Story stopped = run_to_end(*fixture.generator).begin()->second;
  CHECK(stopped.reason == FinishReason::stop);
  CHECK(stopped.tokens.back() == whole.tokens[5]);
  CHECK(std::ranges::find(stopped.tokens, whole.tokens[5]) == stopped.tokens.end() - 1);

  stopping.stop_ids = {};
  stopping.max_new_tokens = 1000;
  fixture.generator->submit(stopping);
  const Story full = run_to_end(*fixture.generator).begin()->second;
  CHECK(full.reason == FinishReason::context);
  CHECK(full.tokens.size() == 40 - 4);
}

TEST_CASE("a cache smaller than the context bounds the sequences") {
  Fixture fixture({.page_size = 4, .cache_pages = 3});
  fixture.generator->submit(request(1, 4, 2, 1000));
  for (const auto& [key, story] : run_to_end(*fixture.generator)) {
    CHECK(story.reason == FinishReason::context);
    CHECK(story.tokens.size() == 12 - 4);
  }
  CHECK_THROWS_WITH_AS(fixture.generator->submit(request(2, 12, 1, 1)),
                       doctest::Contains("the cache has pages for 12"), Error);
}

TEST_CASE("cancelling ends a request, or one sample, and gives the pages back") {
  Fixture fixture({.page_size = 4, .prefill_tokens = 8});
  fixture.generator->submit(request(1, 5, 3, 20));
  fixture.generator->submit(request(2, 20, 2, 20));
  fixture.generator->step();
  fixture.generator->cancel(1, 1);
  fixture.generator->cancel(99);
  fixture.generator->cancel(1, 99);
  for (const GeneratedToken& token : fixture.generator->step()) {
    CHECK_FALSE((token.request == 1 && token.sample == 1));
  }
  fixture.generator->cancel(2, 0);  // it was reading the prompt for both
  const Stories stories = run_to_end(*fixture.generator);
  CHECK_FALSE(stories.contains({2, 0}));
  CHECK(stories.at({2, 1}).tokens.size() == 20);
  fixture.generator->submit(request(1, 5, 3, 20));
  fixture.generator->step();
  fixture.generator->cancel(1);
  CHECK(fixture.generator->idle());
  CHECK(fixture.generator->step().empty());
  CHECK(fixture.generator->pool().in_use() == 0);
}

TEST_CASE("tokens carry the version of the weights they were sampled with") {
  Fixture fixture({});
  fixture.generator->submit(request(1, 5, 1, 4));
  CHECK(fixture.generator->step()[0].weight_version == 7);
  fixture.generator->set_weights({}, 8);
  CHECK(fixture.model->weights_set == 1);
  CHECK(fixture.generator->step()[0].weight_version == 8);
}

TEST_CASE("logits that are not finite are an error that loses nothing") {
  Fixture fixture({});
  const GenerationRequest asked = request(1, 5, 2, 10);
  const Stories expected = told_alone({asked});
  fixture.generator->submit(asked);
  Stories stories;
  collect(fixture.generator->step(), stories);
  fixture.model->broken = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(fixture.generator->step(), doctest::Contains("not finite"), Error);
  fixture.model->broken = 0.0F;
  while (!fixture.generator->idle()) collect(fixture.generator->step(), stories);
  CHECK(stories == expected);
}

namespace {

// Has no memory for every third page that it is asked for.
class ScarceMemory final : public PageMemory {
 public:
  explicit ScarceMemory(const PageShape& shape) : pages_(host_pages(shape)) {}
  float* add() override {
    if (++asked_ % 3 == 0) throw std::bad_alloc();
    return pages_->add();
  }
  void copy(PageId from, PageId to) override { pages_->copy(from, to); }

 private:
  std::unique_ptr<PageMemory> pages_;
  std::size_t asked_ = 0;
};

}  // namespace

TEST_CASE("a step that finds no memory for a page can be repeated, and nothing is lost") {
  RngStream stream(9, RngRole::test, 0);
  const std::vector<GenerationRequest> requests = random_requests(stream, 6);
  auto model = std::make_unique<ScriptedModel>();
  model->memory = std::make_unique<ScarceMemory>(page_shape(model->config(), 3));
  BatchGenerator generator(std::move(model), 7, {.page_size = 3, .prefill_tokens = 8});
  for (const GenerationRequest& each : requests) generator.submit(each);
  Stories stories;
  std::size_t failed = 0;
  while (!generator.idle()) {
    try {
      collect(generator.step(), stories);
    } catch (const std::bad_alloc&) {
      ++failed;
    }
  }
  CHECK(failed > 10);
  CHECK(stories == told_alone(requests));
  CHECK(generator.pool().in_use() == 0);
}

TEST_CASE("requests that cannot be served are refused with the reason") {
  Fixture fixture({});
  const auto refused = [&](GenerationRequest asked, const char* reason) {
    CHECK_THROWS_WITH_AS(fixture.generator->submit(std::move(asked)), doctest::Contains(reason),
                         Error);
    CHECK(fixture.generator->idle());
  };
  GenerationRequest good = request(1, 5, 1, 3);
  GenerationRequest bad = good;
  bad.prompt.clear();
  refused(bad, "the prompt is empty");
  bad = good;
  bad.prompt[2] = 50;
  refused(bad, "outside the vocabulary: expected 0 to 49, got 50");
  bad.prompt[2] = -1;
  refused(bad, "outside the vocabulary");
  bad = good;
  bad.stop_ids = {50};
  refused(bad, "stop_ids");
  refused(request(1, 40, 1, 3), "a context of 40");
  bad = good;
  bad.num_samples = 0;
  refused(bad, "num_samples");
  bad = good;
  bad.max_new_tokens = 0;
  refused(bad, "max_new_tokens");
  bad = good;
  bad.sampling.top_p = 2.0F;
  refused(bad, "top_p");
  fixture.generator->submit(good);
  CHECK_THROWS_WITH_AS(fixture.generator->submit(good), doctest::Contains("has this id"), Error);
}

TEST_CASE("generator options out of range are refused by name") {
  const auto refused = [](const GeneratorOptions& options, const char* name) {
    CHECK_THROWS_WITH_AS(resolved(options, scripted_config()), doctest::Contains(name), Error);
  };
  refused({.page_size = 0}, "page_size");
  refused({.page_size = 1, .cache_pages = 1}, "the cache is too small");
  refused({.max_sequences = 0}, "max_sequences");
  refused({.prefill_tokens = 0}, "prefill_tokens");
  refused({.threads = 100000}, "threads");
}

TEST_SUITE_END();
