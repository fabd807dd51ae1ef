#!/usr/bin/env python3
"""Traffic that misses nothing: every datagram once, bit for bit, in order within its flow; TCP bit for bit.

  flows.py serve ADDRESS PORT            until its input ends; says "ready"
  flows.py ask ADDRESS PORT [FROM...]    one UDP flow from each of the FROM addresses, and three TCP flows;
                                         until its input ends; exit status 1 if anything is not as it must be;
                                         says "flowing" when all have begun

The server sends each datagram back, so the client sees both ways. No more than WINDOW datagrams of a flow
are under way, so nothing is lost for want of room. With FLOWS_CUT=1 routers may cut datagrams, where the
path is narrower than the sizes here; else those that are too large for it would be lost until that is known.
"""
import hashlib
import os
import selectors
import socket
import struct
import sys
import threading

WINDOW = 8
PATIENCE = 10  # seconds without an answer: it is lost
SIZES = (1, 2, 17, 64, 200, 512, 1000, 1300, 1300, 1300, 3000)  # the last one is cut on the way
CHUNK = 1 << 16
STEP = struct.Struct("!III")


def content(flow, number, size):
    return hashlib.shake_128(struct.pack("!II", flow, number)).digest(size)


def datagram(flow, number):
    size = SIZES[(number * 7 + flow) % len(SIZES)]
    return STEP.pack(flow, number, size) + content(flow, number, size)


def datagram_socket(address):
    one = socket.socket(family(address), socket.SOCK_DGRAM)
    if os.environ.get("FLOWS_CUT") == "1" and one.family == socket.AF_INET:
        one.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
    return one


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(address, port):
    echo = datagram_socket(address)
    echo.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    echo.bind((address, port))
    listener = socket.create_server((address, port), family=family(address))

    def answer_datagrams():
        while True:
            octets, who = echo.recvfrom(65536)
            echo.sendto(octets, who)

    def answer_stream(peer):
        digest = hashlib.sha256()
        size = 0
        while octets := peer.recv(1 << 20):
            digest.update(octets)
            size += len(octets)
        peer.sendall(struct.pack("!Q", size) + digest.digest())
        peer.close()

    def accept():
        while True:
            threading.Thread(target=answer_stream, args=listener.accept()[:1], daemon=True).start()

    for work in (answer_datagrams, accept):
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


class Stream(threading.Thread):
    """A TCP connection that sends until it shall stop, and learns what arrived."""

    def __init__(self, address, port, number, stop):
        super().__init__(daemon=True)
        self.target, self.number, self.stop = (address, port), number, stop
        self.size, self.wrong = 0, None

    def run(self):
        try:
            digest = hashlib.sha256()
            with socket.create_connection(self.target, timeout=3 * PATIENCE) as peer:
                chunk = 0
                while not self.stop.is_set():
                    octets = content(1000 + self.number, chunk, CHUNK - chunk % 3)
                    peer.sendall(octets)
                    digest.update(octets)
                    self.size += len(octets)
                    chunk += 1
                peer.shutdown(socket.SHUT_WR)
                told = b""
                while octets := peer.recv(4096):
                    told += octets
            if told != struct.pack("!Q", self.size) + digest.digest():
                self.wrong = f"TCP flow {self.number}: what arrived is not what was sent"
        except OSError as error:
            self.wrong = f"TCP flow {self.number}: {error}"


def ask(address, port, sources):
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    streams = [Stream(address, port, number, stop) for number in range(3)]
    for stream in streams:
        stream.start()
    ready = selectors.DefaultSelector()
    sent, expected = [0] * len(sources), [0] * len(sources)
    sockets = []
    flowing = False
    for flow, source in enumerate(sources):
        one = datagram_socket(address)
        one.bind((source, 0))
        one.connect((address, port))
        one.setblocking(False)
        sockets.append(one)
        ready.register(one, selectors.EVENT_READ, flow)
    while not stop.is_set() or sent != expected:
        for flow, one in enumerate(sockets):
            while not stop.is_set() and sent[flow] - expected[flow] < WINDOW:
                one.send(datagram(flow, sent[flow]))
                sent[flow] += 1
        events = ready.select(PATIENCE)
        if not events and sent != expected:
            late = [f"flow {flow}: number {expected[flow]}" for flow in range(len(sources)) if sent[flow] != expected[flow]]
            return f"nothing comes back any more; awaited: {', '.join(late)}"
        for key, _ in events:
            flow = key.data
            octets = sockets[flow].recv(65536)
            if octets != datagram(flow, expected[flow]):
                what = STEP.unpack(octets[: STEP.size]) if len(octets) >= STEP.size else octets
                return f"flow {flow}: awaited number {expected[flow]}, got (flow, number, size) {what}"
            expected[flow] += 1
        if not flowing and min(expected) >= WINDOW and all(stream.size for stream in streams):
            flowing = True
            print("flowing", flush=True)
    for stream in streams:
        stream.join()
        if stream.wrong:
            return stream.wrong
    print(f"{sum(sent)} datagrams in {len(sources)} flows and {sum(s.size for s in streams)} octets by TCP, all in order")
    return None


def main(words):
    if len(words) == 3 and words[0] == "serve":
        serve(words[1], int(words[2]))
        return 0
    if len(words) > 3 and words[0] == "ask":
        wrong = ask(words[1], int(words[2]), words[3:])
        if wrong:
            print(wrong, flush=True)
        os._exit(1 if wrong else 0)  # threads may still wait
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
