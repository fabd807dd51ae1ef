#!/usr/bin/env python3
"""Our own sources: which there are, and what they include. As a program: prints the C++ files."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|(<[^>]+>))', re.M)


def tracked(root=ROOT):
    """The files that git tracks or would track; all files where there is no git."""
    run = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True)
    if run.returncode == 0:
        names = [n for n in run.stdout.decode().split("\0") if n]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*")
                 if p.is_file() and not p.relative_to(root).parts[0] in ("build", ".git")]
    return sorted(n for n in set(names) if (root / n).is_file())


def cpp(root=ROOT, folders=("src", "tests", "bench")):
    return [n for n in tracked(root) if n.endswith((".cpp", ".hpp")) and n.split("/")[0] in folders]


def includes(path):
    """What one file includes, in order: ours as written, the system's with their <>."""
    return [(ours or system).decode() for ours, system in INCLUDE.findall(path.read_bytes())]


def closure(path, root=ROOT, seen=None):
    """The file and all of ours that it includes, directly or not."""
    seen = set() if seen is None else seen
    if path in seen:
        return seen
    seen.add(path)
    for name in includes(path):
        if name.startswith("<"):
            continue
        for base in (root / "src", root / "tests", path.parent):
            if (base / name).is_file():
                closure((base / name).resolve(), root, seen)
                break
    return seen


if __name__ == "__main__":
    print("\n".join(cpp()))
    sys.exit(0)
