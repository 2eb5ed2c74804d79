#!/usr/bin/env python3
"""Renders chat templates with transformers, and writes what they give beside this file.

    pip install -r scripts/oracles.txt
    python generate_chat.py            writes expressions.json and conversations.json
    python generate_chat.py --check    compares with this transformers, exit status 1 when they differ

expressions.txt holds one small template a line (⏎ stands for a line break); *.jinja are templates in
the manner of common model families, written for this test.
"""

import argparse
import datetime
import json
import pathlib
import sys

from transformers.utils import chat_template_utils

FOLDER = pathlib.Path(__file__).parent
NOW = 1753531200  # 2025-07-26 12:00:00 UTC
VARIABLES = {
    "strings": {"b": "x", "a": "y"},
    "numbers": [1, 2, 3.5],
    "nested": [{"deep": [1, "two"]}],
}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)


chat_template_utils.datetime = FixedTime

USER = {"role": "user", "content": "  What is 2 + 2?\n"}
ASSISTANT = {"role": "assistant", "content": "It is 4."}
SYSTEM = {"role": "system", "content": "Be brief. "}
AGAIN = {"role": "user", "content": "And 3 + 3?"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": 'The "weather" of a <city>, größe & co',
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "time", "parameters": {}}},
]


def call(number, arguments, content=""):
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {
                "id": f"call{number:05d}",
                "type": "function",
                "function": {"name": "weather", "arguments": arguments},
            }
        ],
    }


CALL = call(1, {"city": "Zürich", "days": 2, "exact": True, "unit": None, "scale": 0.5})
ANSWER = {"role": "tool", "content": '{"sky": "clear"}', "tool_call_id": "call00001"}
CASES = {
    "one turn": {"messages": [USER]},
    "one turn, no generation prompt": {"messages": [USER], "add_generation_prompt": False},
    "system": {"messages": [SYSTEM, USER]},
    "many turns": {"messages": [USER, ASSISTANT, AGAIN, ASSISTANT], "add_generation_prompt": False},
    "system and many turns": {"messages": [SYSTEM, USER, ASSISTANT, AGAIN]},
    "unicode": {"messages": [{"role": "user", "content": "Ünï😀 日本語 \u200b\u00a0"}, ASSISTANT, AGAIN]},
    "template syntax in the content": {
        "messages": [{"role": "user", "content": "{{ messages }} {% raise %} {# x #} <|im_end|>"}]
    },
    "empty content": {"messages": [{"role": "user", "content": ""}, ASSISTANT]},
    "no messages": {"messages": []},
    "two users in a row": {"messages": [USER, AGAIN]},
    "assistant first": {"messages": [ASSISTANT, USER]},
    "unknown role": {"messages": [{"role": "critic", "content": "no"}]},
    "message without content": {"messages": [{"role": "user"}]},
    "content in parts": {
        "messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What? "}]}]
    },
    "tools": {"messages": [SYSTEM, USER], "tools": TOOLS},
    "no tools in the list": {"messages": [USER], "tools": []},
    "tools, without system": {"messages": [USER, ASSISTANT, AGAIN], "tools": TOOLS},
    "tool call and answer": {"messages": [USER, CALL, ANSWER, ASSISTANT, AGAIN], "tools": TOOLS},
    "tool answer last": {"messages": [SYSTEM, USER, CALL, ANSWER], "tools": TOOLS},
    "two answers in a row": {
        "messages": [USER, call(1, {"city": "A"}, "Let me see."), ANSWER, ANSWER, ASSISTANT]
    },
    "tool call with text arguments": {"messages": [USER, call(2, '{"city": "B"}')]},
    "tool call with a short id": {"messages": [USER, {**CALL, "tool_calls": [{"id": "x", "function": {}}]}]},
    "reasoning": {
        "messages": [USER, {**ASSISTANT, "reasoning_content": "\nTwo and two.\n"}],
        "add_generation_prompt": False,
    },
    "reasoning under an older name": {
        "messages": [USER, {**ASSISTANT, "reasoning": "Hm."}],
        "add_generation_prompt": False,
    },
    "reasoning in the content": {
        "messages": [USER, {"role": "assistant", "content": "<think>\nfour\n</think>\n\n4"}, AGAIN,
                     {"role": "assistant", "content": "<think>\nsix\n</think>\n\n6"}],
    },
    "thinking off": {"messages": [USER], "variables": {"enable_thinking": False}},
    "tools in the system message": {
        "messages": [SYSTEM, USER],
        "tools": TOOLS,
        "variables": {"tools_in_user_message": False, "date_string": "1 Jan 2025"},
    },
    "built-in tools": {
        "messages": [USER, call(3, {"city": "C", "unit": "K"}), {**ANSWER, "content": {"a": [1]}}],
        "variables": {"builtin_tools": ["weather", "code_interpreter", "search"]},
    },
}


def expressions():
    results = []
    for line in (FOLDER / "expressions.txt").read_text(encoding="utf-8").split("\n"):
        if not line:
            continue
        source = line.replace("⏎", "\n")
        try:
            template = chat_template_utils._compile_jinja_template(source)
            results.append({"template": source, "output": template.render(**VARIABLES)})
        except Exception as error:  # whatever Python says, the template is refused
            results.append({"template": source, "error": str(error)})
    return {"variables": VARIABLES, "cases": results}


def conversations():
    results = []
    for path in sorted(FOLDER.glob("*.jinja")):
        for name, case in CASES.items():
            options = {"add_generation_prompt": case.get("add_generation_prompt", True)}
            result = {"template": path.stem, "case": name}
            try:
                rendered, _ = chat_template_utils.render_jinja_template(
                    conversations=[case["messages"]],
                    tools=case.get("tools"),
                    chat_template=path.read_text(encoding="utf-8"),
                    bos_token="<s>",
                    eos_token="</s>",
                    **options,
                    **case.get("variables", {}),
                )
                result["output"] = rendered[0]
            except Exception as error:
                result["error"] = str(error)
                result["raised"] = type(error).__name__ == "TemplateError"
            results.append(result)
    return {"now": NOW, "cases": CASES, "results": results}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    same = True
    for name, made in (("expressions.json", expressions()), ("conversations.json", conversations())):
        text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
        path = FOLDER / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            print(f"{name} differs from what this transformers gives")
            same = False
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
