#!/usr/bin/env python3
"""Abuse V-08: packets are verified and used in one private copy. Memory that others may still write to
while a packet is being decrypted (rings shared with the kernel, zero-copy receive, memory shared between
processes) must not come into src/ by accident. Where it did on purpose, OURS says why it is safe.

usage: private_buffers.py [--root DIR] | --self-test
"""
import argparse
import pathlib
import re
import sys
import tempfile

SHARED = re.compile(
    r"\b(PACKET_(RX|TX)_RING|PACKET_MMAP|XDP_(RX_RING|UMEM_REG|ZEROCOPY)|AF_XDP|TCP_ZEROCOPY_RECEIVE|"
    r"io_uring_\w+|IORING_\w+|MAP_SHARED\w*|shm_open|memfd_create|vmsplice)\b")

OURS = {
    # Frames are copied before anybody looks at them (XdpSocket::receive).
    "src/plane/user/xdp_socket.cpp", "src/plane/user/xdp_rings.hpp",
    # Holds addresses of this host for the XDP program, no packets.
    "src/plane/user/xdp_program.cpp",
    # Words only.
    "src/plane/user/xdp.cpp",
}
COMMENT = re.compile(r"//.*")


def findings(root):
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".cpp", ".hpp") or str(path.relative_to(root)) in OURS:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if found := SHARED.search(COMMENT.sub("", line)):
                yield f"{path.relative_to(root)}:{number}: {found.group()} shares memory that packets may lie in (V-08)"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src").mkdir()
        (root / "src" / "good.cpp").write_text("recvmmsg(fd, headers, count, 0, nullptr);\n", encoding="utf-8")
        assert not list(findings(root))
        (root / "src" / "bad.cpp").write_text("mmap(0, n, PROT_READ, MAP_SHARED, fd, 0);\n", encoding="utf-8")
        assert len(list(findings(root))) == 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    self_test()
    if options.self_test:
        return 0
    found = list(findings(options.root))
    print("\n".join(found) or "no memory in src/ is shared with others")
    return 1 if found else 0


sys.exit(main())
