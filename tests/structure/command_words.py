#!/usr/bin/env python3
"""The commands and options of culvert and culvert-exporter, as --help has them, are those of the man pages, of
docs/culvert.md and of the completions for bash and zsh; a name that --help does not know is an error there.

usage: command_words.py CULVERT CULVERT_EXPORTER CULVERTD
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NAMED = ("up", "down", "rekey", "diagnose", "status")  # take the name of a connection


def help_of(program, *words):
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def options_in(text):
    """Long options, but for --help; short ones beside them."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"  ((?:-\w,)?--[\w-]+)", line)
        if match:
            found.add(match.group(1).split(",")[-1])
    return found - {"--help"}


def commands_in(text):
    """Of a help text the subcommands with what it says of each."""
    found, inside = {}, False
    for line in text.splitlines():
        inside = inside or line.startswith("Subcommands:")
        match = re.match(r"  ([a-z]+)\s{2,}(\S.*)", line)
        if inside and match:
            found[match.group(1)] = match.group(2)
    return found


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


class Known:
    def __init__(self, program):
        self.commands = commands_in(help_of(program))
        self.options = {}
        self.before = options_in(help_of(program))  # before any command
        for command in self.commands:
            text = help_of(program, command)
            inner = commands_in(text)
            self.options[command] = options_in(text)
            for sub in inner:
                self.options[f"{command} {sub}"] = options_in(help_of(program, command, sub))

    def of(self, command):
        """With those of its subcommands."""
        return set().union(*(found for name, found in self.options.items() if name.split()[0] == command))

    def all(self):
        return self.before.union(*self.options.values())


def man_words(path):
    text = read(path).replace("\\-", "-")
    # Requests that change the font put blanks and quotes between words.
    return re.sub(r"[\"]", " ", text)


def check_man(known, problems):
    text = man_words("packaging/man/culvert.1")
    for name in known.options:
        if not re.search(rf"(^|[\s.]){re.escape(name)}\b", text):
            problems.append(f"culvert.1 does not name the command {name}")
    for option in sorted(known.all()):
        if not re.search(re.escape(option) + r"\b", text):
            problems.append(f"culvert.1 does not name {option}")
    for option in set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text)) - known.all() - {"--help"}:
        problems.append(f"culvert.1 names {option}, which no command has")


def check_docs(known, problems):
    rows = re.findall(r"^\| `culvert ([^`]*)`", read("docs/culvert.md"), flags=re.M)
    named = {" ".join(re.findall(r"^[a-z]+(?: [a-z]+)?", row)[0].split()) for row in rows}
    wanted = {name for name in known.options if name != "pki"}
    for name in sorted(wanted - named):
        problems.append(f"docs/culvert.md has no row for {name}")
    for name in sorted(named - wanted):
        problems.append(f"docs/culvert.md has a row for {name}, which there is not")


def completed(words):
    """What bash completes after these words."""
    script = """source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_culvert
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script, "_", str(ROOT / "packaging/completions/culvert.bash"), *words],
                          capture_output=True, text=True, timeout=30, check=True,
                          env=dict(os.environ, PATH="/nowhere:" + os.environ["PATH"]))
    return set(done.stdout.split())


def differ(what, have, wanted, problems):
    for name in sorted(wanted - have):
        problems.append(f"{what} lacks {name}")
    for name in sorted(have - wanted):
        problems.append(f"{what} has {name}, which there is not")


def check_bash(known, problems):
    differ("bash: culvert <tab>", completed(["culvert", ""]) - {"--help"}, set(known.commands) | known.before, problems)
    subs = {name.split()[1] for name in known.options if name.startswith("pki ")}
    differ("bash: culvert pki <tab>", completed(["culvert", "pki", ""]), subs, problems)
    for command in known.commands:
        have = completed(["culvert", command, "--"]) - {"--help"}
        differ(f"bash: culvert {command} --<tab>", have, known.of(command), problems)


def check_zsh(known, problems):
    text = read("packaging/completions/_culvert")
    listed = dict(re.findall(r"^    '([a-z]+):(.*)'$", text, flags=re.M))
    differ("zsh: commands", set(listed), set(known.commands), problems)
    common = set(re.findall(r"'(--[\w-]+)", re.search(r"^common=\((.*)\)$", text, flags=re.M).group(1))) - {"--help"}
    seen = set()
    for arm, body in re.findall(r"^([a-z |]+)\)\n?(.*?);;", text.split("case $words[2] in", 1)[1], flags=re.M | re.S):
        for command in arm.split("|"):
            command = command.strip()
            seen.add(command)
            have = set(re.findall(r"'(--[\w-]+)", body)) | (common if "$common" in body else set())
            differ(f"zsh: culvert {command}", have, known.of(command), problems)
    for command in sorted(set(known.commands) - seen):
        differ(f"zsh: culvert {command}", common, known.of(command), problems)


def check_program(program, page, problems):
    text = man_words(page)
    for option in sorted(options_in(help_of(program))):
        if not re.search(re.escape(option) + r"\b", text):
            problems.append(f"{page} does not name {option}")
    for option in set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text)) - options_in(help_of(program)) - {"--help"}:
        problems.append(f"{page} names {option}, which there is not")


def main():
    culvert, exporter, daemon = sys.argv[1:4]
    problems = []
    known = Known(culvert)
    assert len(known.commands) > 10 and "--timeout" in known.options["up"], f"--help was not understood: {known.options}"
    check_man(known, problems)
    check_docs(known, problems)
    check_bash(known, problems)
    check_zsh(known, problems)
    check_program(exporter, "packaging/man/culvert-exporter.8", problems)
    check_program(daemon, "packaging/man/culvertd.8", problems)
    print("\n".join(problems) or f"{len(known.options)} commands and {len(known.all())} options, the same everywhere")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
