#include "envs/gridworld.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr std::string_view kMaze =
    "....."
    ".##.."
    "..#.#"
    "#...."
    "..#.G";
static_assert(kMaze.size() == GridWorld::kCells);

constexpr std::array<std::string_view, GridWorld::kActions> kMoves{"up", "right", "down", "left"};

}  // namespace

bool GridWorld::is_free(std::int64_t cell) {
  return cell >= 0 && cell < kCells && kMaze[static_cast<std::size_t>(cell)] != '#';
}

std::int64_t GridWorld::goal() {
  return static_cast<std::int64_t>(kMaze.find('G'));
}

std::int64_t GridWorld::neighbour(std::int64_t cell, std::int64_t action) {
  constexpr std::array<std::int64_t, kActions> kRows{-1, 0, 1, 0};
  constexpr std::array<std::int64_t, kActions> kColumns{0, 1, 0, -1};
  const std::int64_t row = cell / kSide + kRows[static_cast<std::size_t>(action)];
  const std::int64_t column = cell % kSide + kColumns[static_cast<std::size_t>(action)];
  if (row < 0 || row >= kSide || column < 0 || column >= kSide) return cell;
  const std::int64_t next = kSide * row + column;
  return is_free(next) ? next : cell;
}

EnvironmentSpec GridWorld::spec() const {
  EnvironmentSpec spec{
      .name = has_mask ? "GridWorldMasked" : "GridWorld",
      .observations = {{.name = "cell", .shape = {kCells}, .low = {0}, .high = {1}}},
      .actions = {{.name = "move", .dtype = DType::i64, .low = {0}, .high = {kActions - 1}}},
      .max_episode_steps = 100,
      .reward_low = -1.0,
      .reward_high = 0.0};
  if (has_mask) {
    spec.observations.push_back({.name = std::string(kActionMaskName),
                                 .dtype = DType::u8,
                                 .shape = {kActions},
                                 .low = {0},
                                 .high = {1}});
  }
  return spec;
}

GridWorld::State GridWorld::start(RngStream& stream) const {
  while (true) {
    const auto cell = static_cast<std::int64_t>(stream.below(kCells));
    if (is_free(cell) && cell != goal()) return {cell};
  }
}

TaskStep GridWorld::step(State& state, std::span<const Action> action, RngStream&) const {
  const std::int64_t next = neighbour(state.cell, action[0]);
  if (has_mask && next == state.cell) {
    throw Error({.where = "environment GridWorldMasked",
                 .what = "the move " + std::string(kMoves[static_cast<std::size_t>(action[0])]) +
                         " is forbidden by the mask in cell " + std::to_string(state.cell),
                 .remedy = "the step was not made; apply the observation action_mask"});
  }
  state.cell = next;
  return {.reward = -1.0, .terminated = next == goal()};
}

void GridWorld::observe(const State& state, Fields rows) const {
  float* cells = rows.as<float>(0);
  std::fill_n(cells, kCells, 0.0F);
  cells[state.cell] = 1.0F;
  if (!has_mask) return;
  for (std::int64_t action = 0; action < kActions; ++action) {
    rows.as<std::uint8_t>(1)[action] = neighbour(state.cell, action) != state.cell ? 1 : 0;
  }
}

bool GridWorld::is_possible(const State& state) const {
  return is_free(state.cell);
}

std::string GridWorld::render(const State& state) const {
  std::string text;
  for (std::int64_t cell = 0; cell < kCells; ++cell) {
    text += cell == state.cell ? '@' : kMaze[static_cast<std::size_t>(cell)];
    text += cell % kSide == kSide - 1 ? '\n' : ' ';
  }
  return text;
}

}  // namespace rl
