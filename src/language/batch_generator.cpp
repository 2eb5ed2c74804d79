#include "src/language/batch_generator.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>

#include "rl/core/error.h"

namespace rl::language {
namespace {

constexpr const char* kWhere = "text generator";

void require_between(const char* name, std::size_t value, std::size_t low, std::size_t high) {
  if (value >= low && value <= high) return;
  throw Error({.where = kWhere,
               .what = std::string(name) + " is out of range",
               .expected = std::to_string(low) + " to " + std::to_string(high),
               .got = std::to_string(value)});
}

std::size_t most_tokens(const GeneratorOptions& options, const ModelConfig& config) {
  const std::size_t pages_of_context = (config.context - 1) / options.page_size + 1;
  if (options.cache_pages >= pages_of_context) return config.context;
  return options.cache_pages * options.page_size;
}

}  // namespace

GeneratorOptions resolved(GeneratorOptions options, const ModelConfig& config) {
  constexpr std::size_t kMostSequences = 1 << 16;
  constexpr std::size_t kMostPrefill = 1 << 24;
  constexpr std::size_t kMostThreads = 1024;
  require_between("the model's context", config.context, 2, std::numeric_limits<int>::max());
  page_shape(config, options.page_size);
  require_between("max_sequences", options.max_sequences, 1, kMostSequences);
  require_between("prefill_tokens", options.prefill_tokens, 1, kMostPrefill);
  require_between("threads", options.threads, 0, kMostThreads);
  if (options.threads == 0) options.threads = default_team_size();
  if (options.cache_pages == 0) {
    const std::size_t pages = (config.context - 1) / options.page_size + 1;
    options.cache_pages = options.max_sequences * pages;
  }
  if (most_tokens(options, config) < 2) {
    throw Error({.where = kWhere,
                 .what = "the cache is too small",
                 .expected = "cache_pages * page_size of at least 2 positions",
                 .got = std::to_string(options.cache_pages * options.page_size)});
  }
  return options;
}

BatchGenerator::BatchGenerator(std::unique_ptr<LogitModel> model, std::uint64_t version,
                               const GeneratorOptions& options)
    : model_(std::move(model)),
      options_(resolved(options, model_->config())),
      most_tokens_(most_tokens(options_, model_->config())),
      pool_(page_shape(model_->config(), options_.page_size), options_.cache_pages,
            model_->make_pages(page_shape(model_->config(), options_.page_size))),
      scheduler_(pool_, {options_.max_sequences, options_.prefill_tokens}),
      version_(version),
      samplers_(model_->team().size()) {}

void BatchGenerator::check(const GenerationRequest& request) const {
  const std::string where = std::string(kWhere) + ", request " + std::to_string(request.id);
  const auto reject = [&](std::string what, std::string expected, std::string got) {
    throw Error({.where = where,
                 .what = std::move(what),
                 .expected = std::move(expected),
                 .got = std::move(got)});
  };
  constexpr std::size_t kMostSamples = 1 << 16;
  validate(request.sampling);
  if (scheduler_.has(request.id)) reject("an unfinished request has this id", "another id", "");
  if (request.prompt.empty()) reject("the prompt is empty", "at least one token", "");
  if (request.num_samples == 0 || request.num_samples > kMostSamples) {
    reject("num_samples is out of range", "1 to " + std::to_string(kMostSamples),
           std::to_string(request.num_samples));
  }
  if (request.max_new_tokens == 0) reject("max_new_tokens is 0", "at least 1", "");
  if (request.prompt.size() >= most_tokens_) {
    const bool by_cache = most_tokens_ < config().context;
    reject("the prompt leaves no position for a token",
           "at most " + std::to_string(most_tokens_ - 1) + " tokens (" +
               (by_cache ? "the cache has pages for " : "the model has a context of ") +
               std::to_string(most_tokens_) + ")",
           std::to_string(request.prompt.size()));
  }
  const auto check_ids = [&](const std::vector<TokenId>& ids, const char* what) {
    for (const TokenId id : ids) {
      if (id >= 0 && static_cast<std::size_t>(id) < vocabulary()) continue;
      reject(std::string(what) + " has an id outside the vocabulary",
             "0 to " + std::to_string(vocabulary() - 1), std::to_string(id));
    }
  };
  check_ids(request.prompt, "the prompt");
  check_ids(request.stop_ids, "stop_ids");
}

void BatchGenerator::submit(GenerationRequest request) {
  check(request);
  scheduler_.submit(std::make_shared<const GenerationRequest>(std::move(request)));
}

void BatchGenerator::set_weights(const ModelWeights& weights, std::uint64_t version) {
  model_->set_weights(weights);
  version_ = version;
}

std::vector<GeneratedToken> BatchGenerator::step() {
  const std::span<const PlannedSpan> plan = scheduler_.plan();
  std::vector<GeneratedToken> tokens;
  if (plan.empty()) return tokens;
  forward(plan);
  if (!row_sequences_.empty()) {
    score_rows();
    draw_all();  // throws before anything has changed
  }
  advance(plan);
  for (const Drawer& drawer : drawers_) tokens.push_back(accept(drawer));
  if (std::ranges::any_of(tokens, &GeneratedToken::last)) scheduler_.remove_finished();
  return tokens;
}

void BatchGenerator::forward(std::span<const PlannedSpan> plan) {
  spans_.clear();
  wanted_rows_.clear();
  row_sequences_.clear();
  drawers_.clear();
  std::size_t rows = 0;
  for (const PlannedSpan& span : plan) {
    Sequence& sequence = *span.sequence;
    spans_.push_back({std::span(sequence.tokens).subspan(span.first, span.count), span.first,
                      sequence.pages.cache()});
    rows += span.count;
    if (!span.samples()) continue;
    drawers_.push_back({&sequence, row_sequences_.size(), {}});
    if (sequence.generated() == 0) {
      for (Sequence* sibling : scheduler_.unbegun_siblings(sequence)) {
        drawers_.push_back({sibling, row_sequences_.size(), {}});
      }
    }
    row_sequences_.push_back(&sequence);
    wanted_rows_.push_back(rows - 1);
  }
  logits_.resize(std::max(logits_.size(), wanted_rows_.size() * vocabulary()));
  model_->forward(spans_, options_.page_size, wanted_rows_, logits_.data());
}

// Rows of one temperature that lie together are scored together. Which token is scored does not
// matter: the samplers need the row's maximum and sum.
void BatchGenerator::score_rows() {
  const std::size_t rows = row_sequences_.size();
  const std::vector<std::int32_t> tokens(rows, 0);
  scores_.resize(rows);
  const auto factor_of = [&](std::size_t row) {
    return inverse_temperature(row_sequences_[row]->request->sampling);
  };
  for (std::size_t first = 0, end = 0; first < rows; first = end) {
    for (end = first + 1; end < rows && factor_of(end) == factor_of(first);) ++end;
    model_->score(logits_.data() + first * vocabulary(), end - first, factor_of(first),
                  tokens.data() + first, scores_.data() + first);
  }
}

// A thread takes whole rows: what is drawn depends on no other row. The streams are written back
// only when every row has been drawn, so that a failed step can be repeated.
void BatchGenerator::draw_all() {
  // Fewer logits than this are done before a second thread has woken up.
  constexpr std::size_t kFewLogits = std::size_t{1} << 14;
  std::vector<RngStream> streams;
  for (const Drawer& drawer : drawers_) streams.push_back(drawer.sequence->draws);
  std::vector<unsigned char> sound(drawers_.size(), 1);
  const auto draw_rows = [&](std::size_t first, std::size_t stride) noexcept {
    Sampler& sampler = samplers_[first];
    bool loaded = false;
    for (std::size_t i = 0; i < drawers_.size(); ++i) {
      const std::size_t row = drawers_[i].row;
      if (row % stride != first) continue;
      if (i == 0 || drawers_[i - 1].row != row) {
        loaded = sampler.load(std::span(logits_).subspan(row * vocabulary(), vocabulary()),
                              drawers_[i].sequence->request->sampling, scores_[row]);
      }
      sound[i] = loaded ? 1 : 0;
      if (loaded) drawers_[i].result = sampler.draw(streams[i]);
    }
  };
  const std::size_t rows = row_sequences_.size();
  if (rows == 1 || rows * vocabulary() < kFewLogits) {
    draw_rows(0, 1);
  } else {
    model_->team().run(
        [&](std::size_t member) noexcept { draw_rows(member, samplers_.size()); });
  }
  for (std::size_t i = 0; i < drawers_.size(); ++i) {
    if (sound[i] != 0) continue;
    throw Error({.where = std::string(kWhere) + ", request " +
                          std::to_string(drawers_[i].sequence->request->id),
                 .what = "the model's logits are not finite",
                 .got = "weights of version " + std::to_string(version_),
                 .remedy = "the weights have diverged: go back to earlier ones"});
  }
  for (std::size_t i = 0; i < drawers_.size(); ++i) drawers_[i].sequence->draws = streams[i];
}

void BatchGenerator::advance(std::span<const PlannedSpan> plan) {
  for (const PlannedSpan& span : plan) span.sequence->cached = span.first + span.count;
  for (const Drawer& drawer : drawers_) {
    const Sequence& reader = *row_sequences_[drawer.row];
    if (drawer.sequence == &reader) continue;
    drawer.sequence->pages.share(reader.pages, reader.cached);
    drawer.sequence->cached = reader.cached;
  }
}

GeneratedToken BatchGenerator::accept(const Drawer& drawer) {
  Sequence& sequence = *drawer.sequence;
  const GenerationRequest& request = *sequence.request;
  const SampledToken& sampled = drawer.result;
  sequence.tokens.push_back(sampled.token);
  GeneratedToken token{.request = request.id,
                       .sample = sequence.sample,
                       .token = sampled.token,
                       .log_prob = sampled.log_prob,
                       .policy_log_prob = sampled.policy_log_prob,
                       .weight_version = version_,
                       .last = true};
  if (std::ranges::find(request.stop_ids, sampled.token) != request.stop_ids.end()) {
    token.reason = FinishReason::stop;
  } else if (sequence.generated() >= request.max_new_tokens) {
    token.reason = FinishReason::length;
  } else if (sequence.tokens.size() >= most_tokens_) {
    token.reason = FinishReason::context;
  } else {
    token.last = false;
  }
  sequence.finished = token.last;
  return token;
}

std::unique_ptr<TextGenerator> make_generator(std::unique_ptr<LogitModel> model,
                                              std::uint64_t version,
                                              const GeneratorOptions& options) {
  return std::make_unique<BatchGenerator>(std::move(model), version, options);
}

}  // namespace rl::language
