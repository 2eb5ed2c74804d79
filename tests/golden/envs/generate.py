#!/usr/bin/env python3
"""Writes one trace per Gymnasium environment beside this file, or checks the ones that are there.

    pip install -r scripts/oracles.txt
    python generate.py            writes <environment>.txt
    python generate.py --check    compares with this gymnasium, exit status 1 when they differ

A trace line is one step from a given state:

    steps_before state... : action... : next_state... : observation... : reward terminated truncated

`steps_before` is how many steps the episode had already made. Actions outside continuous bounds
pass through Gymnasium's ClipAction wrapper. Flags are as Gymnasium gives them: at the step limit a
terminated step is truncated too.
"""

import argparse
import pathlib
import sys

import gymnasium
import numpy as np

FOLDER = pathlib.Path(__file__).parent
STEPS = 400  # per environment, states at edges not counted

# Per environment: how to draw a first state, and states at the edges of the rules.
STARTS = {
    "CartPole-v1": (
        lambda rng: rng.uniform(-0.05, 0.05, 4),
        [
            [2.39, 1.0, 0.0, 0.0],
            [-2.39, -1.0, 0.0, 0.0],
            [2.4, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.2094, 1.0],
            [0.0, 0.0, -0.2094, -1.0],
            [0.0, 0.0, 0.20943951023931953, 0.0],
            [0.0, -300.0, 0.1, 50.0],
        ],
    ),
    "Acrobot-v1": (
        lambda rng: rng.uniform(-0.1, 0.1, 4).astype(np.float32).astype(np.float64),
        [
            [3.14, 0.0, 2.0, 0.0],
            [-3.14, 0.1, -2.0, 3.0],
            [3.0, 3.1, 12.5, 28.0],
            [-3.0, -3.1, -12.5, -28.0],
            [2.0, 0.2, 3.0, 1.0],
            [0.0, 0.0, 12.566370614359172, -28.274333882308138],
        ],
    ),
    "MountainCar-v0": (
        lambda rng: np.array([rng.uniform(-0.6, -0.4), 0.0]),
        [
            [-1.2, -0.07],
            [-1.19, -0.05],
            [-1.2, 0.0],
            [0.49, 0.07],
            [0.45, 0.06],
            [0.55, -0.07],
            [0.6, 0.07],
            [-0.5, 0.0699],
            [-0.5, -0.0699],
        ],
    ),
    "MountainCarContinuous-v0": (
        lambda rng: np.array([rng.uniform(-0.6, -0.4), 0.0]),
        [
            [-1.2, -0.07],
            [-1.19, -0.05],
            [-1.2, 0.0],
            [0.44, 0.07],
            [0.4, 0.06],
            [0.5, -0.07],
            [0.6, 0.07],
            [-0.5, 0.0699],
            [-0.5, -0.0699],
        ],
    ),
    "Pendulum-v1": (
        lambda rng: rng.uniform([-np.pi, -1.0], [np.pi, 1.0]),
        [
            [np.pi, 0.0],
            [-np.pi, 0.0],
            [3.2, 7.9],
            [-3.2, -7.9],
            [40.0, 8.0],
            [-40.0, -8.0],
            [0.0, 0.0],
            [1.5, 8.0],
        ],
    ),
}


def numbers(values):
    return " ".join(repr(float(value)) for value in np.asarray(values).reshape(-1))


class Stepper:
    """One environment under the wrappers of gymnasium.make, put into any state before a step."""

    def __init__(self, name):
        self.env = gymnasium.make(name, disable_env_checker=True)
        self.limit = self.env.spec.max_episode_steps
        self.discrete = isinstance(self.env.action_space, gymnasium.spaces.Discrete)
        if not self.discrete:
            self.env = gymnasium.wrappers.ClipAction(self.env)
        self.env.reset(seed=0)

    def time_limit(self):
        wrapper = self.env
        while not isinstance(wrapper, gymnasium.wrappers.TimeLimit):
            wrapper = wrapper.env
        return wrapper

    def line(self, steps_before, state, action):
        """The trace line, the next state, and whether the episode ended."""
        task = self.env.unwrapped
        task.state = state
        if hasattr(task, "steps_beyond_terminated"):
            task.steps_beyond_terminated = None
        self.time_limit()._elapsed_steps = steps_before
        observation, reward, terminated, truncated, _ = self.env.step(action)
        text = (
            f"{steps_before} {numbers(state)} : {numbers(action)} : {numbers(task.state)} : "
            f"{numbers(observation)} : {float(reward)!r} {int(terminated)} {int(truncated)}"
        )
        return text, task.state, terminated or truncated

    def actions(self, rng):
        """Holds each action for a while, so that episodes get somewhere."""
        space = self.env.unwrapped.action_space
        while True:
            if self.discrete:
                action = int(rng.integers(space.n))
            else:
                action = (1.5 * rng.uniform(space.low, space.high)).astype(np.float32)
            for _ in range(int(rng.integers(1, 8))):
                yield action


def spec_lines(name):
    spec = gymnasium.spec(name)
    env = gymnasium.make(name, disable_env_checker=True)
    yield f"environment {name}"
    yield f"max_episode_steps {spec.max_episode_steps}"
    yield f"observation_low {numbers(env.observation_space.low)}"
    yield f"observation_high {numbers(env.observation_space.high)}"
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        yield f"action_categories {env.action_space.n}"
    else:
        yield f"action_low {numbers(env.action_space.low)}"
        yield f"action_high {numbers(env.action_space.high)}"


def edge_actions(stepper):
    space = stepper.env.unwrapped.action_space
    if stepper.discrete:
        return list(range(space.n))
    scales = (-2.0, -1.0, 0.0, 0.3, 1.0, 2.0)
    return [(scale * space.high).astype(np.float32) for scale in scales]


def trace_lines(name):
    start, edges = STARTS[name]
    stepper = Stepper(name)
    rng = np.random.default_rng(20240229)
    for edge in edges:
        for action in edge_actions(stepper):
            for steps_before in (0, stepper.limit - 1):
                yield stepper.line(steps_before, np.array(edge, dtype=np.float64), action)[0]
    actions = stepper.actions(rng)
    state, steps_before = start(rng), 0
    for _ in range(STEPS):
        text, state, ended = stepper.line(steps_before, state, next(actions))
        steps_before += 1
        yield text
        if ended or steps_before == 150:
            # Near the limit now and then, so that truncation is seen from ordinary states.
            steps_before = stepper.limit - int(rng.integers(2, 20)) if rng.random() < 0.3 else 0
            state = start(rng)


def trace(name):
    header = [
        f"# Made by generate.py with gymnasium {gymnasium.__version__}; see there for the format.",
        *spec_lines(name),
    ]
    return "\n".join([*header, *trace_lines(name)]) + "\n"


def differs(old, new):
    """The first line where two traces differ by more than rounding, or an empty string."""
    old_lines, new_lines = old.splitlines()[1:], new.splitlines()[1:]
    if len(old_lines) != len(new_lines):
        return f"{len(old_lines)} lines, now {len(new_lines)}"
    for number, (old_line, new_line) in enumerate(zip(old_lines, new_lines), start=2):
        old_words, new_words = old_line.split(), new_line.split()
        if len(old_words) != len(new_words):
            return f"line {number}: {old_line!r}, now {new_line!r}"
        for old_word, new_word in zip(old_words, new_words):
            try:
                same = np.isclose(float(old_word), float(new_word), rtol=1e-9, atol=1e-9)
            except ValueError:
                same = old_word == new_word
            if not same:
                return f"line {number}: {old_word}, now {new_word}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    failed = False
    for name in STARTS:
        path = FOLDER / f"{name}.txt"
        text = trace(name)
        if not check:
            path.write_text(text)
            print(f"wrote {path.name}: {len(text.splitlines())} lines")
            continue
        difference = differs(path.read_text(), text)
        print(f"{name}: {difference or 'agrees with gymnasium ' + gymnasium.__version__}")
        failed = failed or bool(difference)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
