#!/usr/bin/env python3
"""Holds the arrows between the rooms of src/: who may include whom, and what never.

usage: rooms.py [--root DIR]
"""
import argparse
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))
import sources

# room -> the rooms whose headers it may include, besides itself and base. A sub-room is named with
# its folder; a name such as "ike" stands for the files of ike/ itself, "ike/*" for all within, and a
# header's path for this one header of a room that is otherwise closed.
ALLOWED = {
    "base": [],
    "crypto": [],
    "x509": ["crypto"],
    "ipsec_types": ["crypto"],
    "ipsec": ["crypto", "ipsec_types"],
    "ike": ["crypto", "x509", "ipsec_types", "ike/*"],
    "ike/proposal": ["crypto", "ipsec_types", "ike/wire/notify_type.hpp"],
    "ike/auth": ["crypto", "x509", "ipsec_types", "ike/proposal", "ike/wire/spi.hpp"],
    "ike/wire": ["crypto", "ipsec_types", "ike/proposal", "ike/auth"],
    "ike/eap": ["crypto", "x509", "ike/wire", "ike/auth"],
    "ike/v2": ["crypto", "x509", "ipsec_types", "ike", "ike/wire", "ike/proposal", "ike/auth", "ike/eap"],
    "ike/v1": ["crypto", "x509", "ipsec_types", "ike", "ike/wire", "ike/proposal", "ike/auth"],
    "plane": ["crypto", "ipsec_types"],
    "plane/user": ["crypto", "ipsec_types", "ipsec", "plane"],
    "plane/kernel": ["crypto", "ipsec_types", "plane"],
    "plane/null": ["crypto", "ipsec_types", "plane"],
    "vici": [],
    "config": ["crypto", "x509", "ipsec_types", "ike", "ike/proposal", "ike/auth", "ike/eap/type.hpp", "vici/message.hpp"],
    "daemon": ["crypto", "x509", "ipsec_types", "ike", "ike/proposal", "ike/auth", "ike/eap/type.hpp", "ike/wire", "plane",
               "plane/*", "config", "vici"],
    "cli": ["crypto", "x509", "ipsec_types", "ike", "ike/*", "config", "vici"],
    "load": ["crypto", "x509", "ipsec_types", "ike", "ike/*", "plane", "config", "vici"],
}

# The core decides and does nothing: no sockets, threads, files, clocks, environment, logs.
CORE = ("ike", "ipsec", "ipsec_types", "x509")
CORE_NEVER = [
    (r"<(sys|netinet|arpa|net|linux|netpacket)/.*>", "the system's network and file calls"),
    (r"<(unistd|fcntl|poll|netdb|ifaddrs|signal|pthread|time|stdio|syslog)\.h>", "system calls"),
    (r"<(thread|jthread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token)>",
     "threads and locks"),
    (r"<(fstream|iostream|filesystem|cstdio|syncstream|print|ctime)>", "files, streams and clocks"),
    (r"<(spdlog|asio|netlink|curl)[/.].*>", "the shell's libraries"),
]
CORE_TEXT_NEVER = [
    (r"\b(system|steady|high_resolution|utc|file)_clock\b", "a clock"),
    (r"\bgetenv\b", "the environment"),
    (r"\brandom_device\b", "randomness that was not handed in"),
]
# Never in a header of any room (bodies may).
HEADER_NEVER = [
    (r"<(openssl|sodium|netlink|asio|spdlog|curl)[/.].*>", "a library that must not show in headers"),
    (r"<(intel-ipsec-mb|ipsec-mb)\.h>", "a library that must not show in headers"),
]
# OpenSSL and ipsec-mb live behind crypto/ (certificates also in x509/, TLS in the shell).
LIBRARY_NEVER = [(r"<(openssl/.*|sodium[/.].*|intel-ipsec-mb\.h|ipsec-mb\.h)>", "crypto libraries: use crypto/")]
LIBRARY_ROOMS = ("base", "crypto", "x509", "daemon", "load")


def room_of(path):
    """The room of a path below src/: the longest known folder."""
    parts = path.split("/")[:-1]
    for n in range(len(parts), 0, -1):
        if "/".join(parts[:n]) in ALLOWED:
            return "/".join(parts[:n])
    return "/".join(parts[:1])


def may(room, include):
    other = room_of(include)
    if other in (room, "base"):
        return True
    allowed = ALLOWED.get(room, [])
    return other in allowed or include in allowed or other.split("/")[0] + "/*" in allowed


def check_file(name, path):
    room = room_of(name)
    core = room.split("/")[0] in CORE
    if room not in ALLOWED:
        yield f"src/{name}: there is no room '{room}' in the table of tests/structure/rooms.py"
        return
    rules = list(CORE_NEVER) if core else []
    rules += HEADER_NEVER if name.endswith(".hpp") else []
    rules += LIBRARY_NEVER if room.split("/")[0] not in LIBRARY_ROOMS else []
    for include in sources.includes(path):
        if include.startswith("<"):
            for pattern, what in rules:
                if re.fullmatch(pattern, include):
                    yield f"src/{name}: includes {include}: {what}; not in this room"
        elif "/" not in include:
            yield f'src/{name}: includes "{include}": write the path from src/'
        elif not may(room, include):
            yield (f'src/{name}: room {room} may not include "{include}"; it may use base, '
                   + ", ".join(ALLOWED[room]))
    if core:
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        for pattern, what in CORE_TEXT_NEVER:
            if match := re.search(pattern, text):
                yield f"src/{name}: uses {match[0]}: {what}; core rooms get it as an argument"


def check(root):
    for name in sources.cpp(root, ("src",)):
        yield from check_file(name.removeprefix("src/"), root / name)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=sources.ROOT)
    args = parser.parse_args()
    found = list(check(args.root.resolve()))
    print("\n".join(found) if found else "rooms: every include keeps to the table")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
