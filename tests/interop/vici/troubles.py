#!/usr/bin/env python3
"""The classic troubles: each made between two gateways, and what both sides say of it in `culvert status`, in `culvert log`
and as the VICI event culvert-failure. Prints a table of them. A NAT without NAT traversal needs a peer that has none: that
is in tests/unit/daemon/watch_test.cpp. Names of troubles as arguments: only those. Exit status 0 passed, 77 cannot run
here."""
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vici  # noqa: E402
import world  # noqa: E402

WHERE = ("status", "log", "event")
PING = ("ping", "-n", "-q", "-i", "0.1", "-c", "600")


class Listener(threading.Thread):
    """Every culvert-failure of a daemon, as text."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.client = vici.Client(daemon.vici, timeout=None)
        self.client.register("culvert-failure")
        self.texts = []
        self.start()

    def run(self):
        try:
            while True:
                self.texts.append(self.client.next_event("culvert-failure")["text"])
        except (ConnectionError, OSError, ValueError):
            pass  # the daemon has ended


class Side:
    def __init__(self, here, side, conf, settings=""):
        self.here, self.side = here, side
        self.daemon = here.daemon(side, "culvertd", conf, settings, start=False)

    def start(self):
        self.daemon.start()
        world.until("answer of culvertd", lambda: self.culvert("version").returncode == 0)
        self.listener = Listener(self.daemon)

    def culvert(self, *words):
        return subprocess.run(["ip", "netns", "exec", self.here.space(self.side), self.here.culvert, *words, "--vici",
                               f"unix://{self.daemon.vici}"], capture_output=True, text=True, timeout=120, check=False)

    def up(self, name="net"):
        done = self.culvert("up", name)
        assert done.returncode == 0, done

    def fails(self, name="net"):
        done = self.culvert("up", name)
        assert done.returncode == 1, done

    def said(self, where):
        if where == "status":
            return " ".join(self.culvert("status", "--all").stdout.split())
        if where == "log":
            return self.culvert("log").stdout
        return "\n".join(self.listener.texts)

    def in_space(self, *words):
        world.run("ip", "netns", "exec", self.here.space(self.side), *words)

    def loses(self, rule):
        """What arrives here and fits is lost; returns how to end that."""
        self.in_space("nft", "add table inet lost")
        self.in_space("nft", "add chain inet lost in { type filter hook input priority -400; }")
        self.in_space("nft", f"add rule inet lost in {rule} drop")

    def hears_again(self):
        self.in_space("nft", "delete table inet lost")

    def pings(self, *words):
        self.here.pings.append(subprocess.Popen(["ip", "netns", "exec", self.here.space(self.side), *PING, *words],
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def listed(self):
        with vici.Client(self.daemon.vici) as client:
            return [(name, sa) for one in client.streamed("list-sas", "list-sa")[0] for name, sa in one.items()]

    def sas(self):
        return [name for name, sa in self.listed() if sa["state"] == "ESTABLISHED"]


class Trouble:
    """confs: swanctl.conf of side 1 and 2; make(one, two) makes the trouble; one, two: what each side is to say."""

    def __init__(self, name, make, one, two, confs=None, settings=("", ""), prepare=None):
        self.name, self.make, self.says, self.settings = name, make, (one, two), settings
        self.confs = confs or (world.gateway(1), world.gateway(2))
        self.prepare = prepare

    def run(self, here):
        here.pings = []
        sides = [Side(here, side, conf, settings)
                 for side, conf, settings in zip("ab", self.confs, self.settings)]
        try:
            if self.prepare:
                self.prepare(*(side.daemon for side in sides))
            for side in reversed(sides):
                side.start()
            self.make(*sides)
            return [[self.told(side, where, words) for where in WHERE] for side, words in zip(sides, self.says)]
        finally:
            for ping in here.pings:
                ping.kill()
                ping.wait()
            for side in sides:
                here.stop(side.daemon)

    def told(self, side, where, words):
        try:
            world.until(f"word of {self.name}", lambda: re.search(words, side.said(where)))
            return True
        except RuntimeError:
            print(f"{self.name}: side {side.side} does not say {words!r} in its {where}:\n{side.said(where)[-3000:]}", flush=True)
            return False


def changed(number, *changes, more="", child="", extra=""):
    text = world.gateway(number, more=more, child=child, extra=extra)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


# ---- certificates, made by openssl: `ca` alone can date them

CA = """[ca]
default_ca = one
[one]
database = {0}/index
serial = {0}/serial
new_certs_dir = {0}
default_md = sha256
policy = any
[any]
commonName = supplied
[ext]
subjectAltName = DNS:{1}
"""


def authority(folder):
    world.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=root",
              "-days", "9999", "-keyout", f"{folder}/root.key", "-out", f"{folder}/root.crt")


def issue(folder, name, to, begin, end):
    """A certificate of the authority in `folder` and its key, into the folders of the daemon `to`."""
    swanctl = os.path.dirname(to.conf)
    for file, text in (("index", ""), ("serial", "01\n"), ("cnf", CA.format(folder, name))):
        with open(f"{folder}/{file}", "w", encoding="utf-8") as out:
            out.write(text)
    world.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
              "-keyout", f"{swanctl}/private/{name}.key", "-out", f"{folder}/csr")
    world.run("openssl", "ca", "-batch", "-notext", "-config", f"{folder}/cnf", "-cert", f"{folder}/root.crt", "-keyfile",
              f"{folder}/root.key", "-in", f"{folder}/csr", "-extensions", "ext", "-startdate", begin, "-enddate", end, "-out",
              f"{swanctl}/x509/{name}.crt")


def certificates(first=("20200101000000Z", "20490101000000Z"), strange=False):
    """prepare: g1's certificate is valid for `first`; strange: of an authority that nobody knows."""
    def prepare(one, two):
        folder = os.path.join(one.world.dir, "pki")
        os.makedirs(folder, exist_ok=True)
        authority(folder)
        for daemon in (one, two):
            world.run("cp", f"{folder}/root.crt", os.path.join(os.path.dirname(daemon.conf), "x509ca"))
        issue(folder, "g2.example", two, "20200101000000Z", "20490101000000Z")
        if strange:
            authority(folder)
        issue(folder, "g1.example", one, *first)
    return prepare


def by_certificate(number, more=""):
    return changed(number, ("auth = psk", "auth = pubkey"), more=more)


# ---- what makes trouble

def rekey_fails(one, _):
    one.up()
    done = one.culvert("rekey", "net")
    assert done.returncode == 1, done


def esp_blocked(one, two):
    one.up()
    for side in (one, two):
        side.loses("ip protocol esp")
    one.pings("-I", "10.1.0.1", "10.2.0.1")
    two.pings("-I", "10.2.0.1", "10.1.0.1")


def flapping(one, two):
    one.up()
    for _ in range(3):
        two.loses("udp dport 500")
        world.until("dead peer", lambda: not one.sas())
        two.hears_again()
        world.until("new IKE SA", one.sas)


def large_esp_lost(one, two):
    one.up()
    for side in (one, two):
        side.loses("ip protocol esp meta length > 1200")
    for side, to in ((one, "10.2.0.1"), (two, "10.1.0.1")):
        source = "10.1.0.1" if side is one else "10.2.0.1"
        side.pings("-I", source, to)
        side.pings("-I", source, "-s", "1300", to)


def large_ike_lost(one, two):
    # IKE_AUTH but for its last small piece: also when it is cut smaller.
    two.loses("udp dport 500 @th,208,8 0x23 meta length > 200")
    one.fails()
    # Half-open until its time is over: what it waits for is the peer's.
    waits = [sa.get("tasks-passive") for _, sa in two.listed()]
    assert waits == [["IKE_AUTH"]], waits


def takes_turns(one, two):
    one.in_space("ip", "addr", "replace", "192.0.2.11/24", "dev", "wire")
    for _ in range(4):
        for name in ("gw", "twin"):
            one.up(name)
            world.until("the end of the other", lambda: len(one.sas()) == 1)
    del two


def comes_twice(one, _):
    one.in_space("ip", "addr", "replace", "192.0.2.11/24", "dev", "wire")
    one.up("gw")
    one.fails("twin")


def twins():
    """Side 1 twice, from two addresses, with one identity."""
    text = world.gateway(1)
    first = text.index("    gw {")
    second = text.index("}\nsecrets")
    twin = text[first:second].replace("gw {", "twin {").replace("local_addrs = 192.0.2.1", "local_addrs = 192.0.2.11")
    return text[:second] + twin.replace("net {", "net2 {") + text[second:]


TROUBLES = (
    Trouble("proposal", lambda one, _: one.fails(), "wanted .*aes256gcm16-prfsha384-ecp384.*NO_PROPOSAL_CHOSEN.*To fix it|"
            "wanted: .*aes256gcm16-prfsha384-ecp384.*NO_PROPOSAL_CHOSEN.*to fix it",
            "aes128-sha256-modp2048.*aes256gcm16-prfsha384-ecp384.*[Tt]o fix it",
            (world.gateway(1), changed(2, ("aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048")))),
    Trouble("identity", lambda one, _: one.fails(), "accept us as stranger.example.*AUTHENTICATION_FAILED.*[Tt]o fix it",
            "calls itself stranger.example.*[Tt]o fix it.*remote.id = stranger.example",
            (changed(1, ("id = g1.example\n        }\n        remote", "id = stranger.example\n        }\n        remote"),
                     ("id-1 = g1.example\n", "")), world.gateway(2))),
    Trouble("secret", lambda one, _: one.fails(), "secrets.ike-gw.*AUTHENTICATION_FAILED.*[Tt]o fix it",
            "pre-shared secret secrets.ike-gw.*does not verify.*[Tt]o fix it",
            (world.gateway(1), changed(2, ("only for the tests", "another")))),
    Trouble("certificate", lambda one, _: one.fails(), "certificate .*CN=g1.example.*AUTHENTICATION_FAILED.*trusts the authority",
            "CN=g1.example.*[Tt]o fix it.*x509ca", (by_certificate(1), by_certificate(2)),
            prepare=certificates(strange=True)),
    Trouble("clock", lambda one, _: one.fails(), "AUTHENTICATION_FAILED.*[Tt]o fix it.*clock is right",
            "CN=g1.example.*not valid before 2048.*correct the clock", (by_certificate(1), by_certificate(2)),
            prepare=certificates(first=("20480101000000Z", "20490101000000Z"))),
    Trouble("selectors", lambda one, _: one.fails(), "10.99.0.0/16.*TS_UNACCEPTABLE.*[Tt]o fix it",
            "10.2.0.0/16 === 10.1.0.0/16.*10.99.0.0/16.*[Tt]o fix it",
            (changed(1, ("remote_ts = 10.2.0.0/16", "remote_ts = 10.99.0.0/16")), world.gateway(2))),
    Trouble("PFS at rekey", rekey_fails, "ecp256.*NO_PROPOSAL_CHOSEN.*[Tt]o fix it.*only at a rekey",
            "aes256gcm16.*ecp256.*[Tt]o fix it",
            (changed(1, ("esp_proposals = aes256gcm16", "esp_proposals = aes256gcm16-ecp256")), world.gateway(2))),
    Trouble("ESP blocked", esp_blocked, "none in for .*IKE works.*IP protocol 50", "none in for .*IKE works.*IP protocol 50"),
    Trouble("DPD flapping", flapping, "lost 3 times in .*did not answer.*dpd_delay", "lost 3 times in .*gave it up.*peer's log",
            (world.gateway(1, more="dpd_delay = 1s\n keyingtries = 0", child="dpd_action = restart\n close_action = start"),
             world.gateway(2))),
    Trouble("MTU, ESP", large_esp_lost, "none of more than .*MTU black hole.*culvert diagnose net",
            "none of more than .*MTU black hole.*culvert diagnose net"),
    Trouble("MTU, IKE", large_ike_lost, "nothing after 3 messages in 3 fragments.*MTU black hole.*fragment_size",
            "1 of its 2 fragments.*MTU black hole.*fragment_size", (by_certificate(1), by_certificate(2)),
            ("fragment_size = 700\n", "half_open_timeout = 5s\n"), certificates()),
    Trouble("identity twice, replaced", takes_turns, "lost 3 times in .*gave it up.*another host calls itself g1.example",
            "192.0.2.1.* in turn.*identity.* of its own",
            (twins(), changed(2, ("remote_addrs = 192.0.2.1", "remote_addrs = %any"), more="unique = replace"))),
    Trouble("identity twice, kept", comes_twice, "AUTHENTICATION_FAILED.*another host with our identity is connected already",
            "at most one IKE SA with g1.example.*unique = replace",
            (twins(), changed(2, ("remote_addrs = 192.0.2.1", "remote_addrs = %any"), more="unique = keep"))),
)


def main():
    wanted = sys.argv[1:]
    bad = 0
    print(f"{'':26}{'this side':24}the other side\n{'':26}" + 2 * "".join(f"{where:8}" for where in WHERE), flush=True)
    with world.World() as here:
        for trouble in TROUBLES:
            if wanted and trouble.name not in wanted:
                continue
            rows = trouble.run(here)
            print(f"{trouble.name:26}" + "".join(f"{'told' if one else 'NOT':8}" for row in rows for one in row), flush=True)
            bad += sum(not one for row in rows for one in row)
            for side in "ab":  # what a trouble has left in the way
                subprocess.run(["ip", "netns", "exec", here.space(side), "nft", "delete", "table", "inet", "lost"],
                               stderr=subprocess.DEVNULL, check=False)
                shut = os.path.join(here.dir, f"{side}-culvertd")
                world.run("rm", "-rf", shut)
    if bad:
        sys.exit(f"troubles: {bad} times nothing was told")
    print("troubles: passed")


if __name__ == "__main__":
    main()
