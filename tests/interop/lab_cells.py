"""The cells of lab_matrix: what each is called, and its tunnel, pings and TCP. One process does it all, over VICI and with
sockets that it opens in either namespace: starting programs is what costs in a user-mode kernel."""
import contextlib
import ctypes
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "vici"))
import vici  # noqa: E402

# protocol, name, the words of the proposal. AH with AES-GMAC (RFC 4543) is not among them: Linux has no AEAD in AH, and its
# list of integrity algorithms no GMAC ("Requested AUTH_TRUNC algorithm not found"), nor has strongSwan 5.9.8 a word for it.
SUITES = """esp gcm16   aes256gcm16
            esp gcm12   aes192gcm12
            esp gcm8    aes128gcm8
            esp gmac    aes128gmac
            esp ccm16   aes256ccm16
            esp ccm12   aes192ccm12
            esp ccm8    aes128ccm8
            esp chacha  chacha20poly1305
            esp sha1    aes128-sha1
            esp sha256  aes256-sha256
            esp sha384  aes192-sha384
            esp sha512  aes256-sha512
            esp xcbc    aes128-aesxcbc
            esp cmac    aes128-aescmac
            esp ctr     aes256ctr-sha256
            esp null    null-sha256
            esp 3des    3des-sha1
            ah  sha1    sha1
            ah  sha256  sha256
            ah  sha384  sha384
            ah  sha512  sha512
            ah  xcbc    aesxcbc
            ah  cmac    aescmac"""
SIZES = (0, 1, 7, 500, 1300, 1372, 1373, 1400, 1472, 1473, 2000, 3000)
# Beside pings without: options and extension headers, those that change on their way too, which AH has to foresee
# (RFC 4302 3.3.3.1). Level, option of the socket, and what it says.
OPTIONS = {
    "v4": (("router alert", socket.IPPROTO_IP, socket.IP_OPTIONS, bytes.fromhex("94040000")),
           ("record route", socket.IPPROTO_IP, socket.IP_OPTIONS, bytes.fromhex("070b04" + 8 * "00" + "00")),
           ("timestamps", socket.IPPROTO_IP, socket.IP_OPTIONS, bytes.fromhex("440c0500" + 8 * "00"))),
    "v6": (("hop-by-hop padding", socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes.fromhex("0000010400000000")),
           ("a hop-by-hop option that may change", socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes.fromhex("00003e0401020304")),
           ("a destination option", socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes.fromhex("00001e0401020304"))),
}
PATIENCE = float(os.environ.get("WAITS", "1"))
NOT_IN_KERNEL = re.compile(rb"not supported by kernel|Function not implemented|Protocol not supported")


class Cell:
    """`outer`: another family than the inner packets'; `extra`: encap, or rekey."""

    def __init__(self, protocol, suite, words, mode, family, esn, outer=None, extra=""):
        self.protocol, self.suite, self.mode, self.family = protocol, suite, mode, family
        self.outer_family = outer or family
        self.encap, self.rekey = extra == "encap", extra == "rekey"
        self.esn = esn == "esn"
        self.proposal = f"{words}-{esn}"
        families = f"{family}-in-{outer}" if outer else family
        self.name = f"{protocol} {suite} {mode} {families} {esn} {extra}".rstrip()

    def outer(self, side):
        return f"192.0.2.{side}" if self.outer_family == "v4" else f"2001:db8::{side}"

    def inner(self, side):
        if self.mode == "transport":
            return self.outer(side)
        return f"10.{side}.0.1" if self.family == "v4" else f"fd0{side}::1"

    def selectors(self, side):
        if self.mode == "transport":
            return "dynamic"
        return f"10.{side}.0.0/24" if self.family == "v4" else f"fd0{side}::/64"

    def connection(self, side):
        other = 3 - side
        return {"gw": {
            "version": "2", "local_addrs": [self.outer(side)], "remote_addrs": [self.outer(other)],
            "proposals": ["aes128-sha256-x25519"], "mobike": "no", "encap": "yes" if self.encap else "no",
            "local": {"auth": "psk", "id": f"g{side}.example"},
            "remote": {"auth": "psk", "id": f"g{other}.example"},
            "children": {"net": {
                "mode": self.mode, "local_ts": [self.selectors(side)], "remote_ts": [self.selectors(other)],
                f"{self.protocol}_proposals": [self.proposal]}}}}


def all_cells():
    """In order, each with whether it is of the short choice: all of two suites, and of each other suite two cells in which
    mode, family and ESN all differ."""
    suites = [line.split() for line in SUITES.splitlines()]
    for number, (protocol, suite, words) in enumerate(suites, 1):
        diagonal = (("tunnel", "v4", "noesn"), ("transport", "v6", "esn"))
        if number % 2 == 0:
            diagonal = (("tunnel", "v6", "esn"), ("transport", "v4", "noesn"))
        for mode in ("tunnel", "transport"):
            for family in ("v4", "v6"):
                for esn in ("noesn", "esn"):
                    short = (protocol, suite) in (("esp", "gcm16"), ("ah", "sha256")) or (mode, family, esn) in diagonal
                    yield short, Cell(protocol, suite, words, mode, family, esn)
    for protocol, suite, words in suites:
        if protocol == "esp" and suite in ("gcm16", "sha256", "chacha", "gmac", "null"):
            for family in ("v4", "v6"):
                for mode in ("tunnel", "transport"):
                    yield (mode, family) == ("tunnel", "v4"), Cell(protocol, suite, words, mode, family, "noesn", extra="encap")
    for protocol, suite, words in suites:
        if suite in ("gcm16", "sha256", "chacha"):
            for inner, outer in (("v4", "v6"), ("v6", "v4")):
                yield True, Cell(protocol, suite, words, "tunnel", inner, "esn", outer)
                if protocol == "esp":
                    yield False, Cell(protocol, suite, words, "tunnel", inner, "noesn", outer, "encap")
            yield suite == "gcm16", Cell(protocol, suite, words, "tunnel", "v4", "esn", extra="rekey")
            yield suite == "sha256", Cell(protocol, suite, words, "transport", "v6", "esn", extra="rekey")


class Failed(Exception):
    pass


def check(good, why):
    if not good:
        raise Failed(why)


def until(seconds, holds, why):
    end = time.monotonic() + seconds * PATIENCE
    while not holds():
        check(time.monotonic() < end, why)
        time.sleep(0.02)


class Space:
    """A network namespace."""
    setns = ctypes.CDLL(None, use_errno=True).setns

    def __init__(self, name):
        self.name = name
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)

    def enter(self):  # this thread, for good
        if self.setns(self.fd, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), f"setns {self.name}")

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter()
        try:
            yield
        finally:
            self.setns(home, 0x40000000)
            os.close(home)

    def serve_echo(self):
        with self.inside():
            listener = socket.create_server(("::", 7777), family=socket.AF_INET6, dualstack_ipv6=True)

        def one(connection):
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

        def every():
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        threading.Thread(target=every, daemon=True).start()

    def ping(self, source, target, size, wait, options=None):
        """True if the echo came back, octet for octet."""
        six = ":" in target
        request, reply = (128, 129) if six else (8, 0)
        Space.sequence = (getattr(Space, "sequence", 0) + 1) & 0xffff
        body = struct.pack("!HH", os.getpid() & 0xffff, Space.sequence) + bytes(i * 13 & 255 for i in range(size))
        with self.inside():
            s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                              socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
        with s:
            s.bind((source, 0))
            if options:
                s.setsockopt(*options)
            s.sendto(struct.pack("!BBH", request, 0, 0 if six else checksum(struct.pack("!BBH", request, 0, 0) + body))
                     + body, (target, 0))
            end = time.monotonic() + wait * PATIENCE
            while (left := end - time.monotonic()) > 0:
                if not select.select([s], [], [], left)[0]:
                    break
                data, sender = s.recvfrom(65536)
                icmp = data if six else data[(data[0] & 15) * 4:]
                if sender[0] == target and icmp[0] == reply and icmp[4:] == body:
                    return True
        return False

    def tcp(self, source, target):
        data = bytes(i * 7 & 255 for i in range(150000))
        with self.inside():
            connection = socket.create_connection((target, 7777), 10 * PATIENCE, (source, 0))
        with connection:
            connection.settimeout(15 * PATIENCE)
            threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)),
                             daemon=True).start()
            got = b""
            while part := connection.recv(65536):
                got += part
        check(got == data, "TCP brought something else than was sent")


def pings(first, second, one, two, family):
    """Both ways: from `first`, whose address is `one`, to `two`, and back."""
    until(5, lambda: first.ping(one, two, 56, 1), "no answer at all")
    wanted = [(size, "", None) for size in SIZES]
    wanted += [(size, f" with {name}", options) for name, *options in OPTIONS[family] for size in (100, 2000)]
    for size, word, options in wanted:
        check(first.ping(one, two, size, 5, options), f"no answer to a ping of {size} octets{word}")
        check(second.ping(two, one, size, 5, options), f"no answer to a ping of {size} octets{word} from side 2")


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Matrix:
    names = {1: "culvert", 2: "strongswan"}

    def __init__(self, place, prefix):
        self.place = place
        self.space = {side: Space(f"{prefix}-g{side}") for side in (1, 2)}
        self.daemon = {side: vici.Client(f"{place}/{side}.vici", 60) for side in (1, 2)}
        for side in (1, 2):
            self.space[side].serve_echo()

    def log(self, side):
        return f"{self.place}/side-{side}.log"

    def sas(self, side):
        return self.daemon[side].streamed("list-sas", "list-sa")[0]

    def children(self, side):
        return [child for sa in self.sas(side) if sa["gw"]["state"] == "ESTABLISHED" for child in sa["gw"].get("child-sas", {}).values()
                if child["state"] == "INSTALLED"]

    def xfrm(self, *words):
        return subprocess.run(["ip", "-n", self.space[2].name, *words], capture_output=True, text=True, check=True).stdout

    def set_up(self, cell, initiator):
        for side in (1, 2):
            answer = self.daemon[side].request("load-conn", cell.connection(side))
            check(answer["success"] == "yes", f"side {side} refuses the cell's configuration: {answer}")
        answer = self.daemon[initiator].request("initiate", {"child": "net", "ike": "gw", "timeout": "20000", "init-limits": "no"})
        check(answer["success"] == "yes", f"side {initiator} cannot bring the child up: {answer.get('errmsg')}")
        until(5, lambda: len(self.children(2)) == 1, "the kernel's side has no Child SA")
        child = self.children(2)[0]
        check(child["mode"].lower() == cell.mode and child["protocol"].lower() == cell.protocol,
              f"no {cell.protocol} in {cell.mode} mode: {child}")
        state = self.xfrm("xfrm", "state")
        check(re.search(f"proto {cell.protocol} .* mode {cell.mode}", state),
              f"the kernel has no {cell.protocol} state in {cell.mode} mode: {state}")
        check(("esn" in state) == cell.esn, "ESN in the kernel is not as agreed")
        check(("encap type espinudp" in state) == cell.encap, "UDP encapsulation in the kernel is not as agreed")

    def traffic(self, cell):
        one, two = cell.inner(1), cell.inner(2)
        first, second = self.space[1], self.space[2]
        pings(first, second, one, two, cell.family)
        for space, ends, word in ((first, (one, two), ""), (second, (two, one), " from the kernel's side")):
            try:
                space.tcp(*ends)
            except OSError as e:
                raise Failed(f"TCP{word} does not get through: {e}") from e

    def rekey(self, cell):
        """Both SAs, by both sides; nothing is lost meanwhile, and in the end one pair is there."""
        for side in (1, 2):
            for what in ({"child": "net"}, {"ike": "gw"}):
                before = self.serials()
                answer = self.daemon[side].request("rekey", what)
                check(answer["success"] == "yes", f"side {side} cannot rekey {what}: {answer.get('errmsg')}")
                for size in (56, 1400, 3000):
                    check(self.space[1].ping(cell.inner(1), cell.inner(2), size, 5),
                          f"a ping of {size} octets is lost while side {side} rekeys {what}")
                until(10, lambda: self.serials() != before and all(len(self.children(s)) == 1 for s in (1, 2)),
                      f"nothing new after side {side} rekeyed {what}")
        self.traffic(cell)

    def serials(self):  # of the IKE SA and its children, on the kernel's side
        return sorted((sa["gw"]["initiator-spi"], child["spi-in"]) for sa in self.sas(2)
                      for child in sa["gw"].get("child-sas", {}).values() if child["state"] == "INSTALLED")

    def take_down(self, initiator):
        for side, force in ((initiator, "no"), (1, "yes"), (2, "yes")):
            if self.sas(side):
                self.daemon[side].request("terminate", {"ike": "gw", "timeout": "10000", "force": force})
            with contextlib.suppress(Failed):
                until(3, lambda: not self.sas(1) and not self.sas(2), "SAs stay")
                return

    def show(self):  # all that is known, before anything is taken down
        culvert = os.environ.get("CULVERT_BIN", "culvert")
        for command in ([culvert, "stats", "--vici", f"unix://{self.place}/1.vici"],
                        ["ip", "-n", self.space[2].name, "-s", "xfrm", "state"],
                        ["ip", "netns", "exec", self.space[2].name, "cat", "/proc/net/xfrm_stat"]):
            out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            print("\n".join(line for line in out.splitlines() if not re.search(r"\s0$", line)))
        for side in (1, 2):
            with open(self.log(side), errors="replace") as file:
                print("".join(file.readlines()[-40:]))

    def run(self, cell, initiator):
        """ok, not ok or '-' (the kernel has not got it: no fault of either side), and why."""
        log_at = os.path.getsize(self.log(2))
        outcome, why = "ok", ""
        try:
            self.set_up(cell, initiator)
            self.traffic(cell)
            if cell.rekey:
                self.rekey(cell)
        except Failed as e:
            with open(self.log(2), "rb") as file:
                file.seek(log_at)
                outcome, why = ("-", "not in this kernel") if NOT_IN_KERNEL.search(file.read()) else ("not ok", str(e))
            if outcome == "not ok" and os.environ.get("LAB_VERBOSE"):
                self.show()
        self.take_down(initiator)
        return outcome, why


def main(place, prefix):
    wanted, everything = os.environ.get("LAB_CELLS", ""), os.environ.get("LAB_ALL", "")
    part, parts = map(int, os.environ.get("LAB_PART", "1/1").split("/"))
    cells = [cell for short, cell in all_cells() if (short or everything or wanted) and re.search(wanted, cell.name)]
    cells = [cell for at, cell in enumerate(cells) if at * parts // len(cells) == part - 1]
    sums = {"ok": 0, "not ok": 0, "-": 0}
    if not cells:
        sys.exit("no cell is called like that")
    matrix = Matrix(place, prefix)
    for at, cell in enumerate(cells):
        # With LAB_INITIATOR, that side always; else in turns, the other way round in the next row.
        initiator = int(os.environ.get("LAB_INITIATOR", 1 + (at + at // 8) % 2))
        began = time.monotonic()
        outcome, why = matrix.run(cell, initiator)
        sums[outcome] += 1
        print(f"{outcome:6} {cell.name} ({matrix.names[initiator]} initiates, {time.monotonic() - began:.1f} s)"
              + (f": {why}" if why else ""), flush=True)
    print(f"{sums['ok']} cells passed, {sums['not ok']} failed, {sums['-']} the kernel cannot do")
    return 1 if sums["not ok"] or not sums["ok"] else 0


def pings_alone(prefix, one, two):
    """`lab_cells.py pings PREFIX ONE TWO`: between the gateways of a case of `run`."""
    try:
        pings(Space(f"{prefix}-g1"), Space(f"{prefix}-g2"), one, two, "v6" if ":" in one else "v4")
    except Failed as e:
        sys.exit(str(e))


if __name__ == "__main__":
    if sys.argv[1] == "pings":
        sys.exit(pings_alone(*sys.argv[2:]))
    sys.exit(main(*sys.argv[1:]))
