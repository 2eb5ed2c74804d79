"""Reads llvm-cov's summary from standard input, prints lines covered of each file that `parsers` beside this names, fails
below 95 % in all of them."""
import json
import os
import sys

LEAST_PERCENT = 95.0

root = sys.argv[1]
with open(os.path.join(os.path.dirname(__file__), "parsers")) as lines:
    parsers = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
total = covered = 0
for entry in sorted(json.load(sys.stdin)["data"][0]["files"], key=lambda file: file["filename"]):
    name = os.path.relpath(entry["filename"], root)
    if name not in parsers:
        continue
    parsers.remove(name)
    lines = entry["summary"]["lines"]
    total += lines["count"]
    covered += lines["covered"]
    missed = lines["count"] - lines["covered"]
    print(f"{lines['percent']:6.1f} %  {missed:4d} missed  {name}")
if parsers:
    sys.exit(f"not among the covered sources: {', '.join(sorted(parsers))}")
percent = 100.0 * covered / max(total, 1)
print(f"{percent:6.1f} %  of {total} lines of the parsers")
sys.exit(0 if percent >= LEAST_PERCENT else 1)
