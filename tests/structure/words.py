#!/usr/bin/env python3
"""What no file of ours may hold: paths of one machine, notes to oneself. Long files are named, not refused.

usage: words.py [--root DIR]
"""
import argparse
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
import sources

LINES_MAX = 400
# Put together here so that this file does not hold them itself.
NEVER = [
    (re.compile(r"(?<![\w.$}])/" + r"work/"), "a path of one machine"),
    (re.compile(r"(?<![\w.$}])/" + r"home/\w"), "a path of one machine"),
    (re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + "XX)\\b"), "a note to oneself: do it, or open an issue"),
    (re.compile(r"^(<{7}|>{7}) "), "a merge that was not finished"),
]
BINARY = (".pcap", ".pcapng", ".png", ".gz", ".der", ".bin")
# Bytes for parsers, not text of ours.
DATA = ("tests/fuzz/corpus/",)


def text_of(path):
    """The text of a file, or None for what is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def check(root):
    """(severity, finding): 'error' fails, 'note' is for the reader."""
    for name in sources.tracked(root):
        if name.endswith(BINARY) or name.startswith(DATA):
            continue
        text = text_of(root / name)
        if text is None:
            continue
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            for pattern, what in NEVER:
                if pattern.search(line):
                    yield "error", f"{name}:{number}: {what}: {line.strip()[:80]}"
        if name.endswith((".cpp", ".hpp")) and len(lines) > LINES_MAX:
            yield "note", f"{name}: {len(lines)} lines; over {LINES_MAX}, look for the second idea in it"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    args = parser.parse_args()
    found = list(check(args.root.resolve()))
    for severity, finding in found:
        print(f"{severity}: {finding}")
    bad = sum(severity == "error" for severity, _ in found)
    print(f"words: {bad} errors, {len(found) - bad} notes")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
