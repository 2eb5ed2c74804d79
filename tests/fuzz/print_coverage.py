"""Reads llvm-cov's summary from standard input, prints lines covered per file, fails below 95 % in all."""
import json
import os
import sys

LEAST_PERCENT = 95.0

root = sys.argv[1]
total = covered = 0
for entry in sorted(json.load(sys.stdin)["data"][0]["files"], key=lambda file: file["filename"]):
    lines = entry["summary"]["lines"]
    total += lines["count"]
    covered += lines["covered"]
    missed = lines["count"] - lines["covered"]
    print(f"{lines['percent']:6.1f} %  {missed:4d} missed  {os.path.relpath(entry['filename'], root)}")
percent = 100.0 * covered / max(total, 1)
print(f"{percent:6.1f} %  of {total} lines of the parsers")
sys.exit(0 if percent >= LEAST_PERCENT else 1)
