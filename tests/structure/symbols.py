#!/usr/bin/env python3
"""Looks into the compiled core rooms for what they must not call: sockets, files, threads, clocks.

usage: symbols.py LIBRARY.a...
"""
import re
import subprocess
import sys

BANNED = {
    "sockets": "socket socketpair bind connect listen accept accept4 send sendto sendmsg sendmmsg recv recvfrom "
               "recvmsg recvmmsg setsockopt getsockopt getaddrinfo gethostbyname poll ppoll select epoll_wait ioctl",
    "files": "open open64 openat openat64 creat fopen fopen64 freopen fdopen read pread write pwrite close unlink "
             "stat fstat lstat puts printf vprintf fprintf fputs fwrite fflush syslog",
    "clocks": "time clock clock_gettime gettimeofday localtime gmtime localtime_r gmtime_r nanosleep usleep sleep",
    "randomness": "getrandom getentropy rand srand random srandom arc4random RAND_bytes RAND_priv_bytes",
    "processes and environment": "getenv secure_getenv setenv fork vfork execve execvp posix_spawn system popen kill",
}
NAMES = {name: kind for kind, names in BANNED.items() for name in names.split()}
PATTERNS = [
    (re.compile(r"std::chrono::.*::now\(\)"), "clocks"),
    (re.compile(r"(std::thread::|std::jthread|std::condition_variable|std::this_thread)"), "threads"),
    (re.compile(r"pthread_"), "threads"),
    (re.compile(r"std::(basic_)?[io]?f(ile)?stream|std::(cout|cerr|clog|cin)$|std::basic_filebuf"), "files"),
    (re.compile(r"std::filesystem::"), "files"),
    (re.compile(r"std::random_device"), "randomness"),
    (re.compile(r"^spdlog::|^asio::"), "the shell's libraries"),
]


def kind_of(symbol):
    """What is wrong with an undefined symbol; None: nothing."""
    bare = symbol.split("@")[0]
    bare = re.sub(r"^__(\w+)_chk$", r"\1", bare)  # the fortified spelling
    if bare in NAMES:
        return NAMES[bare]
    return next((kind for pattern, kind in PATTERNS if pattern.search(symbol)), None)


def undefined(library):
    """(object, symbol) for each symbol that the library wants from elsewhere."""
    run = subprocess.run(["nm", "-uC", library], capture_output=True, text=True, check=True)
    member = "?"
    for line in run.stdout.splitlines():
        if match := re.match(r"^(\S+\.o(?:bj)?):$", line):
            member = match[1]
        elif match := re.match(r"^\s+[UwvV] (.*)$", line):
            yield member, match[1]


def check(libraries):
    for library in libraries:
        for member, symbol in undefined(library):
            if kind := kind_of(symbol):
                yield f"{library.rsplit('/', 1)[-1]}({member}): calls {symbol}: {kind}; the core is handed what it needs"


def main() -> int:
    libraries = sys.argv[1:]
    if not libraries:
        print("skip: no core library was built")
        return 77
    found = list(check(libraries))
    print("\n".join(found) if found else f"symbols: {len(libraries)} core libraries call nothing outside")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
