#!/usr/bin/env python3
"""Prints which tests of ctest's LastTest.log were skipped, and why.

A script skips with exit status 77 and a last line "skip: REASON"; a GoogleTest program skips single
tests with a message.
"""
import collections
import re
import sys


def main() -> int:
    reasons = collections.defaultdict(list)
    test = "?"
    previous = ""
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            line = line.rstrip("\n")
            if match := re.match(r"^\d+/\d+ Testing: (.*)", line):
                test = match[1]
            elif line.startswith("skip: "):
                reasons[line[len("skip: "):]].append(test)
            elif match := re.match(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)", line):
                reasons[previous or "(no reason given)"].append(f"{test}: {match[1]}")
            if line:
                previous = line
    if reasons:
        print("Skipped:")
    for reason, names in sorted(reasons.items()):
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        print(f"  {reason}: {shown}")
    return 0


sys.exit(main())
