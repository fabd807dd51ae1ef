#!/usr/bin/env python3
"""Each header of src/ compiles alone. What compiled once is remembered by content.

usage: headers.py [--root DIR] [--cache DIR] [--jobs N]
"""
import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
import sources

COMPILE = ["g++", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
           "-x", "c++", "-"]


def compiles(root, name):
    text = f'#include "{name.removeprefix("src/")}"\n'
    run = subprocess.run([*COMPILE, "-I", root / "src"], input=text, capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def check(root, cache, jobs):
    common = " ".join(COMPILE).encode()
    todo = {}
    for name in sources.cpp(root, ("src",)):
        if name.endswith(".hpp"):
            digest = hashlib.sha256(common)
            for file in sorted(sources.closure((root / name).resolve(), root)):
                digest.update(str(file).encode() + b"\0" + file.read_bytes())
            if cache is None or not (cache / digest.hexdigest()).exists():
                todo[name] = digest.hexdigest()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for (name, key), errors in zip(todo.items(), pool.map(lambda n: compiles(root, n), todo)):
            if errors:
                yield f"{name} does not compile alone:\n{errors}"
            elif cache is not None:
                (cache / key).touch()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    parser.add_argument("--cache", type=pathlib.Path, default=sources.ROOT / "build/header-cache")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    found = list(check(args.root.resolve(), args.cache, args.jobs))
    print("\n".join(found) if found else "headers: each compiles alone")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
