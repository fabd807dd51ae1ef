#!/usr/bin/env python3
"""Reads what `tshark -z follow,tcp,raw,N` says of a TCP stream with IKE and ESP (RFC 9329), and
writes its messages as text2pcap wants them. Says on standard error how many each side sent; exit 1
where the framing is not what the RFC has."""
import sys

sides = {"client": bytearray(), "server": bytearray()}
body = False
for line in sys.stdin:
    if line.startswith("Node 1:"):
        body = True
        continue
    if not body or line.startswith("====="):
        continue
    side = "server" if line.startswith("\t") else "client"
    sides[side] += bytes.fromhex(line.strip())

if not sides["client"].startswith(b"IKETCP"):
    sys.exit("the one who connects does not begin with IKETCP")
if b"IKETCP" in sides["server"][:6]:
    sys.exit("the one who accepts sends a prefix")
del sides["client"][:6]
for name, octets in sides.items():
    count = 0
    while len(octets) >= 2:
        length = int.from_bytes(octets[:2], "big")
        if length < 2:
            sys.exit(f"{name}: a length of {length}")
        if length > len(octets):
            break  # the capture, or the connection, ended here
        message = octets[2:length]
        del octets[:length]
        count += 1
        print("000000", " ".join(f"{octet:02x}" for octet in message))
    if octets and "-w" not in sys.argv:
        sys.exit(f"{name}: {len(octets)} octets are left over")
    print(f"{name}: {count} messages", file=sys.stderr)
