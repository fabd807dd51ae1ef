#!/usr/bin/env python3
"""Runs clang-tidy-19 over our sources, in parallel, remembering by content what was clean.

A file is looked at again when it, a header of ours that it includes, its compile command, .clang-tidy
or clang-tidy itself changed. With --budget, what does not fit into that many seconds is left for the
next run, and said.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys
import time

import sources

ROOT = sources.ROOT
# Where all findings have been worked off: --held looks at these only, and .ci/run holds them so.
HELD = ("src/base/", "src/ike/wire/", "src/ipsec_types/")


def key_of(path, command, common):
    digest = hashlib.sha256(common)
    digest.update(command.encode())
    for file in sorted(sources.closure(path)):
        digest.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def tidy(path, build, deadline):
    """None: not looked at, the budget is spent. Else (clean, output)."""
    if deadline and time.monotonic() > deadline:
        return None
    run = subprocess.run(
        ["clang-tidy-19", "--quiet", "-p", build, "--header-filter", str(ROOT / "(src|tests|bench)/.*"),
         # g++'s own warning options are in the compile database
         "--extra-arg=-Wno-unknown-warning-option", str(path)], capture_output=True, text=True, cwd=ROOT)
    return run.returncode == 0, run.stdout + "\n".join(
        line for line in run.stderr.splitlines() if "warnings generated" not in line)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/debug")
    parser.add_argument("--cache", default="build/tidy-cache")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=0, help="seconds; 0: no limit")
    parser.add_argument("--held", action="store_true", help="only the rooms that have been clean")
    parser.add_argument("files", nargs="*", help="default: all tracked sources")
    args = parser.parse_args()

    database = json.loads((ROOT / args.build / "compile_commands.json").read_text())
    commands = {pathlib.Path(e["file"]).resolve(): e["command"] for e in database}
    # Of sources that are compiled several at once the command is that of all of them.
    for unity in [path for path in commands if path.parent.name == "Unity"]:
        for line in unity.read_text().splitlines():
            if line.startswith("#include"):
                commands[pathlib.Path(line.split('"')[1]).resolve()] = commands[unity]
    names = args.files or [n for n in sources.cpp() if n.endswith(".cpp")]
    if args.held:
        names = [n for n in names if n.startswith(HELD)]
    version = subprocess.run(["clang-tidy-19", "--version"], capture_output=True, check=True).stdout
    common = (ROOT / ".clang-tidy").read_bytes() + version
    cache = ROOT / args.cache
    cache.mkdir(parents=True, exist_ok=True)

    if unknown := [n for n in args.files if (ROOT / n).resolve() not in commands]:
        print(f"tidy: not in {args.build}/compile_commands.json: {' '.join(unknown)}")
        return 1
    todo = {}
    for name in names:
        path = (ROOT / name).resolve()
        if path in commands:
            key = key_of(path, commands[path], common)
            if not (cache / key).exists():
                todo[path] = key
    known = sum((ROOT / n).resolve() in commands for n in names)
    print(f"tidy: {len(todo)} of {known} files to look at", flush=True)

    deadline = time.monotonic() + args.budget if args.budget else 0
    bad = left = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = {pool.submit(tidy, path, args.build, deadline): path
                   for path in sorted(todo, key=lambda p: -p.stat().st_mtime)}
        for future in concurrent.futures.as_completed(futures):
            path, result = futures[future], future.result()
            if result is None:
                left += 1
            elif result[0]:
                (cache / todo[path]).write_text(str(path.relative_to(ROOT)))
            else:
                bad += 1
                print(f"tidy: {path.relative_to(ROOT)}\n{result[1]}", flush=True)
    if left:
        print(f"tidy: the time allowed was over: {left} of {len(todo)} files were NOT looked at, and are left for the "
              "next run")
    print(f"tidy: {bad} files with findings")
    return 1 if bad else 0


sys.exit(main())
