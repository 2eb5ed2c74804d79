// F13: every allocation of a public call fails in turn. Below the Torch line, and without what
// ends the process by itself when memory is out: libzmq asserts, and nlohmann's JSON documents
// allocate in their destructor (so whatever reads one: safetensors, manifests, models' and tokenizers' files).
//
// usage: fault_allocations        all of it, seconds
//
// A call may throw std::bad_alloc or rl::Error, or do without. It may not crash, leak, hang or
// leave an object that answers wrongly afterwards.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "replay/replay_fragments.h"
#include "rl/core/error.h"
#include "rl/replay/table.h"
#include "rl/text/chat_template.h"
#include "rl/text/tokenizer.h"
#include "src/transport/learner_protocol.h"
#include "transport/fixtures.h"

namespace {

// Counts what is alive; fails allocation number `fail_at` of the thread that set it.
std::atomic<long> num_alive{0};
thread_local long fail_at = 0;  // 0: none
thread_local bool has_failed = false;

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (fail_at > 0 && --fail_at == 0) {
    has_failed = true;
    return nullptr;
  }
  void* memory = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (memory != nullptr) ++num_alive;
  return memory;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  void* memory = allocate(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) --num_alive;
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate_or_throw(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes, alignof(std::max_align_t));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

namespace rl::tests {
namespace {

using std::chrono::milliseconds;

// One call and what must hold after it, however it went.
struct Attempt {
  std::function<void()> call;
  std::function<bool(bool worked)> is_right_after;
};

int num_wrong = 0;

void wrong(const std::string& name, long at, const char* what) {
  ++num_wrong;
  std::printf("WRONG: %s, allocation %ld: %s\n", name.c_str(), at, what);
}

// Whether an allocation failed.
bool attempt(const std::string& name, const std::function<Attempt()>& prepare, long at) {
  const Attempt one = prepare();
  bool worked = false;
  has_failed = false;
  fail_at = at;
  try {
    one.call();
    worked = true;
  } catch (const std::bad_alloc&) {
  } catch (const Error&) {
  }
  fail_at = 0;
  if (!one.is_right_after(worked)) wrong(name, at, worked ? "is wrong" : "is wrong afterwards");
  return has_failed;
}

void check(const std::string& name, const std::function<Attempt()>& prepare) {
  attempt(name, prepare, 0);  // what is made once and kept
  long at = 1;
  for (bool failed = true; failed; ++at) {
    const long before = num_alive;
    failed = attempt(name, prepare, at);
    if (num_alive != before) wrong(name, at, "leaks");
  }
  std::printf("%-24s %5ld allocations\n", name.c_str(), at - 2);
}

// A call without a state: a second one gives what it should.
template <class Call>
void check_function(const std::string& name, const Call& call) {
  check(name, [&] {
    return Attempt{[&] { call(); }, [&](bool) {
                     call();
                     return true;
                   }};
  });
}

void check_parsers() {
  const std::string spec = describe(transport::small_environment());
  check_function("environment spec", [&] { return spec_from_text(spec).observations.size(); });
  const auto tokenizer = text::Tokenizer::from_json(text::byte_tokenizer_json(), "tokenizer.json");
  check_function("tokenizer", [&] { return tokenizer.encode("two words").size(); });
  check_function("chat template", [&] {
    const auto source = "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}";
    const auto messages = R"([{"role": "user", "content": " x "}])";
    return text::ChatTemplate(source, "template").render_json(messages, {});
  });
}

replay::TableOptions table_options(replay::Selector sampler) {
  return {.unit = replay::ItemUnit::step, .sampler = sampler, .capacity_steps = 40};
}

std::shared_ptr<replay::Table> filled_table(replay::Selector sampler) {
  auto table = std::make_shared<replay::Table>(table_options(sampler));
  for (std::uint64_t i = 0; i < 3; ++i) {
    table->insert(replay::test::fragment(9, i), milliseconds(0));
  }
  return table;
}

// After an error a table either works on or refuses every call with a reason; it is never wrong.
bool works_or_refuses(replay::Table& table) {
  try {
    if (!table.insert(replay::test::fragment(9, 7), milliseconds(0))) return false;
    if (!table.sample(5, milliseconds(0))) return false;
    const Bytes state = table.save_state();
    replay::Table other(table.options());
    other.load_state(state, replay::test::schema());
    const replay::TableCounters counters = table.counters();
    return other.num_items() == table.num_items() &&
           counters.inserted_items ==
               table.num_items() + counters.consumed_items + counters.evicted_unsampled;
  } catch (const Error&) {
    return true;
  }
}

void check_table() {
  for (const auto sampler : {replay::Selector::uniform, replay::Selector::fifo,
                             replay::Selector::prioritized}) {
    const std::string name = "table " + std::to_string(static_cast<int>(sampler));
    const auto on_table = [&](const char* what, auto call) {
      check(name + what, [&, call] {
        auto table = filled_table(sampler);
        return Attempt{[table, call] { call(*table); },
                       [table](bool) { return works_or_refuses(*table); }};
      });
    };
    on_table(", insert", [fragment = replay::test::fragment(20)](replay::Table& table) {
      table.insert(fragment, milliseconds(0));
    });
    on_table(", sample", [](replay::Table& table) { table.sample(8, milliseconds(0)); });
    on_table(", save", [](replay::Table& table) { (void)table.save_state(); });
    const Bytes state = filled_table(sampler)->save_state();
    check(name + ", load", [&] {
      auto table = std::make_shared<replay::Table>(table_options(sampler));
      return Attempt{[table, &state] { table->load_state(state, replay::test::schema()); },
                     [table](bool worked) {
                       return table->num_items() == (worked ? 27U : 0U) &&
                              works_or_refuses(*table);
                     }};
    });
  }
}

// A learner's protocol that ran out of memory is not used on (LearnerEndpoint ends), but it must be
// possible to destroy it, and it must not have promised what it does not hold.
void check_protocol() {
  using namespace transport;
  HelloMessage hello;
  hello.session = 5;
  hello.run_id = 77;
  const SharedBytes joining = encode(hello);
  const RunManifest manifest = small_manifest();
  const auto fragment = small_fragment(manifest.schema, 0, 1);
  ExperienceHeader header{.session = 5, .produced = 1, .first_sequence = 1, .count = 1};
  const std::vector<Block> blocks{fragment->block()};
  const Bytes experience = encode_experience(header, blocks);
  check("protocol, hello", [&] {
    auto protocol = std::make_shared<LearnerProtocol>(LearnerOptions{}, manifest, 0);
    return Attempt{[&, protocol] {
                     protocol->on_message("peer", "", *joining, Nanoseconds(1));
                     protocol->take_output();
                   },
                   [protocol](bool worked) { return !worked || protocol->num_sessions() == 1; }};
  });
  check("protocol, experience", [&] {
    auto protocol = std::make_shared<LearnerProtocol>(LearnerOptions{}, manifest, 0);
    protocol->on_message("peer", "", *joining, Nanoseconds(1));
    auto received = std::make_shared<std::size_t>(0);
    return Attempt{[&, protocol, received] {
                     protocol->on_message("peer", "", experience, Nanoseconds(2));
                     *received = protocol->take_output().fragments.size();
                   },
                   [received](bool worked) { return *received == (worked ? 1U : 0U); }};
  });
}

}  // namespace
}  // namespace rl::tests

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  rl::tests::check_parsers();
  rl::tests::check_table();
  rl::tests::check_protocol();
  std::printf("allocations: %d wrong\n", rl::tests::num_wrong);
  return rl::tests::num_wrong == 0 ? 0 : 1;
}
