#!/usr/bin/env python3
"""Every command and every event of VICI against culvertd, by a client that shares no code with it; then what no
client should send. Exit status 0 passed, 77 cannot run here."""
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vici  # noqa: E402
import world  # noqa: E402

COMMANDS = """version stats reload-settings initiate terminate rekey redirect install uninstall list-sas list-policies
list-conns get-conns list-certs list-authorities get-authorities load-conn unload-conn load-cert load-key unload-key
get-keys load-token load-shared unload-shared get-shared flush-certs clear-creds load-authority unload-authority
load-pool unload-pool get-pools get-algorithms get-counters reset-counters""".split()
EVENTS = """log control-log list-sa list-policy list-conn list-cert list-authority ike-updown ike-rekey ike-update
child-updown child-rekey alert""".split()
COUNTERS = ["ike-rekey-init", "ike-rekey-resp", "child-rekey", "invalid", "invalid-spi"] + [
    f"{exchange}-{way}-{kind}" for exchange in ("ike-init", "ike-auth", "create-child", "info")
    for way in ("in", "out") for kind in ("req", "resp")]

IKE_KEYS = """uniqueid version state local-host local-port local-id remote-host remote-port remote-id initiator
initiator-spi responder-spi encr-alg encr-keysize prf-alg dh-group established rekey-time child-sas""".split()
CHILD_KEYS = """name uniqueid reqid state mode protocol spi-in spi-out encr-alg encr-keysize bytes-in packets-in bytes-out
packets-out rekey-time life-time install-time local-ts remote-ts""".split()

CONN = {"home": {"version": "2", "local_addrs": ["192.0.2.1"], "remote_addrs": ["192.0.2.2"],
                 "proposals": ["aes256gcm16-prfsha384-ecp384"], "mobike": "no",
                 "local": {"auth": "psk", "id": "g1.example"}, "remote": {"auth": "psk", "id": "g2.example"},
                 "children": {"net": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.2.0.0/16"],
                                      "esp_proposals": ["aes256gcm16"]},
                              "trap": {"local_ts": ["10.1.0.0/16"], "remote_ts": ["10.3.0.0/16"]},
                              "around": {"mode": "drop", "local_ts": ["10.1.9.0/24"], "remote_ts": ["10.9.0.0/24"]}}}}
SECRET = {"id": "s-1", "type": "IKE", "data": "only for the tests", "owners": ["g1.example", "g2.example"]}


def same(got, wanted, what):
    assert got == wanted, f"{what}: {got!r}, not {wanted!r}"


def good(answer, what):
    assert answer.get("success") == "yes", f"{what}: {answer}"


def bad(answer, what):
    assert answer.get("success") == "no" and answer.get("errmsg"), f"{what}: {answer}"


def check_catalog(client):
    for event in EVENTS:
        client.register(event)
        client.unregister(event)
    for event in ("list-sas", "List-sa", "x" * 255):
        try:
            client.register(event)
            raise AssertionError(f"the event {event!r} is known")
        except vici.EventUnknown:
            pass
    for command in ("list-sa", "LIST-SAS", "x" * 255):
        try:
            client.request(command)
            raise AssertionError(f"the command {command!r} is known")
        except vici.CommandUnknown:
            pass
    for command in COMMANDS:
        client.request(command)  # empty: an answer, whichever


def check_questions(client):
    version = client.request("version")
    same(sorted(set("daemon version sysname release machine".split()) - set(version)), [], "keys of version")
    assert tuple(int(part) for part in version["version"].split(".")[:2]) >= (5, 4), version
    stats = client.request("stats")
    for key in ("uptime", "workers", "queues", "scheduled", "ikesas", "plugins"):
        assert key in stats, f"stats without {key}"
    same(stats["ikesas"], {"total": "0", "half-open": "0"}, "SAs at start")
    algorithms = client.request("get-algorithms")
    for kind in ("encryption", "integrity", "aead", "prf", "ke"):
        assert algorithms[kind], f"no {kind} algorithms"
    assert "AES_GCM_16" in algorithms["aead"], algorithms["aead"]
    good(client.request("reload-settings"), "reload-settings")
    good(client.request("flush-certs"), "flush-certs")
    good(client.request("flush-certs", {"type": "x509"}), "flush-certs x509")


def check_loading(client):
    good(client.request("load-conn", CONN), "load-conn")
    same(client.request("get-conns"), {"conns": ["home"]}, "get-conns")
    listed, _ = client.streamed("list-conns", "list-conn")
    same([list(one) for one in listed], [["home"]], "list-conns")
    home = listed[0]["home"]
    for key in ("local_addrs", "remote_addrs", "version", "reauth_time", "rekey_time", "local-1", "remote-1", "children"):
        assert key in home, f"list-conn without {key}"
    same(home["children"]["net"]["local-ts"], ["10.1.0.0/16"], "a child's local-ts")
    same(client.streamed("list-conns", "list-conn", {"ike": "other"})[0], [], "list-conns of another")
    bad(client.request("load-conn", {"broken": {"version": "7"}}), "a wrong connection")
    bad(client.request("load-conn", {"broken": dict(CONN["home"], versoin="2")}), "an unknown keyword")
    same(client.request("get-conns"), {"conns": ["home"]}, "get-conns after a wrong one")
    bad(client.request("unload-conn", {"name": "other"}), "unload-conn of another")
    bad(client.request("unload-conn"), "unload-conn of nothing")

    good(client.request("load-shared", SECRET), "load-shared")
    good(client.request("load-shared", dict(SECRET, id="s-2", type="ike")), "load-shared, in small letters")
    same(sorted(client.request("get-shared")["keys"]), ["s-1", "s-2"], "get-shared")
    good(client.request("unload-shared", {"id": "s-2"}), "unload-shared")
    bad(client.request("unload-shared", {"id": "s-2"}), "unload-shared twice")
    bad(client.request("load-shared", {"type": "IKE"}), "a secret without data")
    bad(client.request("load-shared", {"type": "nonsense", "data": "x"}), "a secret of no type")

    good(client.request("load-pool", {"road": {"addrs": "10.9.0.0/24", "dns": ["10.1.0.53"]}}), "load-pool")
    pool = client.request("get-pools", {"leases": "yes"})["road"]
    same({key: pool[key] for key in ("size", "online", "offline")}, {"size": "254", "online": "0", "offline": "0"}, "a pool")
    same(client.request("get-pools", {"name": "other"}), {}, "get-pools of another")
    bad(client.request("load-pool", {"road": {"addrs": "nonsense"}}), "a pool of nonsense")
    good(client.request("unload-pool", {"name": "road"}), "unload-pool")
    bad(client.request("unload-pool", {"name": "road"}), "unload-pool twice")
    check_credentials(client)
    for command in ("get-authorities", "get-keys"):
        assert all(isinstance(value, list) for value in client.request(command).values()), command
    for command in ("list-certs", "list-authorities"):
        same(client.streamed(command, command[:-1] if command == "list-certs" else "list-authority")[0], [], command)


def check_credentials(client):
    with tempfile.TemporaryDirectory() as place:
        key, certificate = os.path.join(place, "key"), os.path.join(place, "certificate")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                               "-keyout", key, "-out", certificate, "-subj", "/CN=vici test", "-days", "2"],
                              capture_output=True, check=False)
        same(made.returncode, 0, "openssl")
        with open(key, "rb") as file:
            key = file.read()
        with open(certificate, "rb") as file:
            certificate = file.read()
        public = [subprocess.run(["openssl", "pkey", "-pubout", "-outform", form], input=key, capture_output=True,
                                 check=False).stdout for form in ("PEM", "DER")]
    for form in public:
        good(client.request("load-cert", {"type": "PUBKEY", "flag": "NONE", "data": form}), "load-cert of a public key")
    bad(client.request("load-cert", {"type": "PUBKEY", "data": certificate}), "a certificate as a public key")
    answer = client.request("load-key", {"type": "any", "data": key})
    good(answer, "load-key")
    same(len(answer["id"]), 40, "the id of a key")
    same(client.request("get-keys"), {"keys": [answer["id"]]}, "get-keys")
    good(client.request("load-cert", {"type": "X509", "flag": "CA", "data": certificate}), "load-cert")
    listed = client.streamed("list-certs", "list-cert")[0]
    same([(one["type"], one["flag"], one["has_privkey"]) for one in listed], [("X509", "CA", "yes")], "list-certs")
    same(client.streamed("list-certs", "list-cert", {"flag": "none"})[0], [], "list-certs of others")
    check_without_flag(client)
    good(client.request("unload-key", {"id": answer["id"]}), "unload-key")
    bad(client.request("unload-key", {"id": answer["id"]}), "unload-key twice")
    bad(client.request("load-key", {"type": "any", "data": "nonsense"}), "a key of nonsense")
    bad(client.request("load-cert", {"type": "X509", "data": "nonsense"}), "a certificate of nonsense")
    bad(client.request("load-cert", {"type": "X509_AC", "data": certificate}), "an attribute certificate")
    good(client.request("load-authority", {"own": {"cacert": certificate, "crl_uris": ["http://127.0.0.1/x"]}}),
         "load-authority")
    same(client.request("get-authorities"), {"authorities": ["own"]}, "get-authorities")
    same([list(one) for one in client.streamed("list-authorities", "list-authority")[0]], [["own"]], "list-authorities")
    good(client.request("unload-authority", {"name": "own"}), "unload-authority")
    bad(client.request("unload-authority", {"name": "own"}), "unload-authority twice")
    good(client.request("clear-creds"), "clear-creds")
    good(client.request("load-shared", SECRET), "load-shared after clear-creds")


def check_without_flag(client):
    """What is in a PKCS#12 container comes so: a root is trusted, one in between needs a root."""
    with tempfile.TemporaryDirectory() as place:
        def openssl(*words):
            same(subprocess.run(["openssl", *words], cwd=place, capture_output=True, check=False).returncode, 0, words)
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *ec, "-keyout", "root.key", "-out", "root", "-subj", "/CN=no flag", "-days", "2")
        openssl("req", *ec, "-keyout", "between.key", "-out", "request", "-subj", "/CN=in between")
        with open(os.path.join(place, "extensions"), "w", encoding="ascii") as file:
            file.write("basicConstraints = critical, CA:TRUE\n")
        openssl("x509", "-req", "-in", "request", "-CA", "root", "-CAkey", "root.key", "-CAcreateserial", "-days", "2",
                "-extfile", "extensions", "-out", "between")
        for name, flag in (("between", "NONE"), ("root", "CA")):
            with open(os.path.join(place, name), "rb") as file:
                good(client.request("load-cert", {"type": "X509", "flag": "NONE", "data": file.read()}), name)
            subject = "CN=no flag" if name == "root" else "CN=in between"
            listed = client.streamed("list-certs", "list-cert", {"subject": subject})[0]
            same([one["flag"] for one in listed], [flag], f"the flag of {name}")


def check_policies(client):
    good(client.request("install", {"child": "trap", "ike": "home"}), "install")
    good(client.request("install", {"child": "around"}), "install of a shunt")
    names = {key: body[key] for body in client.streamed("list-policies", "list-policy")[0] for key in body}
    same(sorted(names), ["home/around", "home/trap"], "list-policies")
    same(names["home/trap"]["mode"], "TUNNEL", "mode of a trap")
    same(names["home/around"]["mode"], "DROP", "mode of a shunt")
    same(names["home/trap"]["remote-ts"], ["10.3.0.0/16"], "selectors of a trap")
    only = client.streamed("list-policies", "list-policy", {"drop": "yes"})[0]
    same([list(body) for body in only], [["home/around"]], "list-policies of drops")
    for child in ("trap", "around"):
        good(client.request("uninstall", {"child": child}), "uninstall")
    bad(client.request("uninstall", {"child": "trap"}), "uninstall twice")
    bad(client.request("install", {"child": "other"}), "install of another")
    for nothing in ({"ike": "home"}, {}, {"child": ["net"]}):
        bad(client.request("install", nothing), f"install {nothing}")
        bad(client.request("uninstall", nothing), f"uninstall {nothing}")
    same(client.streamed("list-policies", "list-policy")[0], [], "list-policies at the end")


def check_life(client, watcher):
    """initiate, list-sas, rekey, terminate, with all events that they cause."""
    client.register("control-log")
    good(client.request("initiate", {"ike": "home", "child": "net", "timeout": "20000", "loglevel": "1"}), "initiate")
    told = [body for name, body in client.events if name == "control-log"]
    assert told and all({"group", "level", "msg"} <= set(body) for body in told), f"control-log: {told}"
    client.events.clear()
    client.unregister("control-log")
    up = watcher.next_event("ike-updown")
    same(up["up"], "yes", "ike-updown")
    same(watcher.next_event("child-updown")["up"], "yes", "child-updown")

    listed, _ = client.streamed("list-sas", "list-sa")
    same([list(one) for one in listed], [["home"]], "list-sas")
    ike = listed[0]["home"]
    same([key for key in IKE_KEYS if key not in ike], [], "keys that list-sa lacks")
    same(ike["state"], "ESTABLISHED", "state")
    (child_name, child), = ike["child-sas"].items()
    same(child_name, f"net-{child['uniqueid']}", "key of the child")
    same([key for key in CHILD_KEYS if key not in child], [], "keys that a child lacks")
    same(child["state"], "INSTALLED", "state of the child")
    assert len(ike["initiator-spi"]) == 16 and len(child["spi-in"]) == 8, (ike, child)
    for wish, count in (({"ike": "home"}, 1), ({"ike": "other"}, 0), ({"ike-id": ike["uniqueid"]}, 1), ({"ike-id": "999"}, 0),
                        ({"noblock": "yes"}, 1)):
        same(len(client.streamed("list-sas", "list-sa", wish)[0]), count, f"list-sas with {wish}")
    # strongSwan lists an IKE SA without the children that are not asked for, if it has none other, too.
    for wish, count in (({"child": "net"}, 1), ({"child": "other"}, 0), ({"child-id": child["uniqueid"]}, 1),
                        ({"child-id": "999"}, 0)):
        (listed,), = [client.streamed("list-sas", "list-sa", wish)[0]]
        same(len(listed["home"]["child-sas"]), count, f"children in list-sas with {wish}")

    same(client.request("rekey", {"child": "net"})["matches"], "1", "rekey of the child")
    event = watcher.next_event("child-rekey")["home"]["child-sas"]["net"]
    assert event["old"]["spi-in"] != event["new"]["spi-in"], event
    same(client.request("rekey", {"ike": "home"})["matches"], "1", "rekey of the IKE SA")
    event = watcher.next_event("ike-rekey")["home"]
    same((event["old"]["initiator-spi"], event["old"]["initiator-spi"] != event["new"]["initiator-spi"]),
         (ike["initiator-spi"], True), "SPIs of ike-rekey")
    bad(client.request("rekey", {"child": "other"}), "rekey of another")
    bad(client.request("rekey"), "rekey of nothing")

    bad(client.request("initiate", {"child": "other"}), "initiate of another")
    bad(client.request("initiate"), "initiate of nothing")
    # What names nobody must not mean everybody.
    for selector in ({"ike-id": "abc"}, {"ike-id": ""}, {"ike-id": " 1"}, {"ike-id": "0x1"}, {"ike-id": "4294967297"},
                     {"ike-id": "-1"}, {"child-id": "1.0"}, {"ike": ""}, {"child": ""}, {"ike": ["home"]}):
        for command in ("terminate", "rekey", "redirect"):
            bad(client.request(command, {**selector, "gateway": "192.0.2.9", "timeout": "2000"}), f"{command} {selector}")
    same(len(client.streamed("list-sas", "list-sa")[0]), 1, "SAs after selectors of nobody")
    gone = client.request("terminate", {"ike": "home", "timeout": "20000"})
    good(gone, "terminate")
    same((gone["matches"], gone["terminated"]), ("1", "1"), "terminate counts")
    down = watcher.next_event("ike-updown")
    assert "up" not in down, down
    bad(client.request("terminate", {"ike": "home"}), "terminate twice")
    bad(client.request("terminate"), "terminate of nothing")

    counters = client.request("get-counters")["counters"][""]
    same(sorted(name for name in counters if not name.startswith("culvert-")), sorted(COUNTERS), "names of counters")
    same((counters["ike-init-out-req"], counters["ike-auth-in-resp"]), ("1", "1"), "counters of one handshake")
    named = client.request("get-counters", {"all": "yes"})["counters"]
    same((list(named), named["home"]["create-child-out-req"] != "0"), (["home"], True), "counters by connection")
    same(client.request("get-counters", {"name": "home"})["counters"]["home"], named["home"], "counters of one")
    bad(client.request("get-counters", {"name": "other"}), "counters of another")
    good(client.request("reset-counters", {"name": "home"}), "reset-counters of one")
    same(set(client.request("get-counters", {"name": "home"})["counters"]["home"].values()), {"0"}, "counters after that")
    good(client.request("reset-counters"), "reset-counters")
    counters = client.request("get-counters")["counters"][""]
    same(set(counters.values()), {"0"}, "counters after a reset")
    log = watcher.next_event("log")
    assert {"group", "level", "msg", "culvert-line"} <= set(log), log


def check_failure(client, watcher):
    """A wrong secret: the reason in the answer, an alert, and the explanation as an event."""
    good(client.request("load-shared", dict(SECRET, data="another")), "load-shared")
    answer = client.request("initiate", {"child": "net", "timeout": "20000"})
    bad(answer, "initiate with the wrong secret")
    same(answer["code"], "authentication_failed", "code")
    assert answer["wanted"] and answer["remedy"], answer
    failure = watcher.next_event("culvert-failure")
    same((failure["connection"], failure["refused-by"]), ("home", "peer"), "culvert-failure")
    same(watcher.next_event("alert")["type"], "local-auth-failed", "alert")
    kept = client.request("culvert-status")["failures"]["1"]
    same((kept["connection"], kept["code"]), ("home", "authentication_failed"), "the failure that is kept")
    story = "\n".join(kept["exchanges"])
    for part in ("IKE_SA_INIT request 0", "received IKE_AUTH response 1", "s before: "):
        assert part in story, f"the failure's story without {part}: {story}"
    good(client.request("load-shared", SECRET), "load-shared")


def check_log_levels(client):
    levels = client.request("culvert-log-level")["levels"]
    same((levels["daemon"], levels["ike"]), ("info", "debug"), "log levels")
    levels = client.request("culvert-log-level", {"levels": "ike=none,plane=trace"})["levels"]
    same((levels["daemon"], levels["ike"], levels["plane"]), ("info", "none", "trace"), "log levels after a change")
    bad(client.request("culvert-log-level", {"levels": "warn,ike=loud"}), "a level that is none")
    same(client.request("culvert-log-level", {"levels": "plane=info,ike=debug"})["levels"], {
        "daemon": "info", "config": "info", "vici": "info", "ike": "debug", "plane": "info"}, "log levels at the end")


def check_credentials_go(client):
    good(client.request("clear-creds"), "clear-creds")
    same(client.request("get-shared"), {"keys": []}, "get-shared after clear-creds")
    good(client.request("unload-conn", {"name": "home"}), "unload-conn")
    same(client.request("get-conns"), {"conns": []}, "get-conns at the end")


def answers(path):
    with vici.Client(path) as client:
        return client.request("version").get("daemon") == "culvertd"  # or a word that there are too many


def malformed_packets():
    def packet(*parts):
        body = b"".join(parts)
        return struct.pack("!I", len(body)) + body

    request = bytes([vici.CMD_REQUEST, 7]) + b"version"
    yield "no packet at all", struct.pack("!I", 0)
    yield "too long", struct.pack("!I", vici.PACKET_MAX + 1)
    yield "longest length", b"\xff\xff\xff\xff"
    yield "unknown type", packet(b"\x63")
    yield "a response", packet(bytes([vici.CMD_RESPONSE]))
    yield "an event", packet(bytes([vici.EVENT, 3]) + b"log")
    yield "no name", packet(bytes([vici.CMD_REQUEST]))
    yield "a short name", packet(bytes([vici.CMD_REQUEST, 9]) + b"version")
    yield "unknown element", packet(request, b"\x09")
    yield "an end without a section", packet(request, bytes([vici.SECTION_END]))
    yield "a section without an end", packet(request, bytes([vici.SECTION_START, 1]) + b"a")
    yield "an item without a list", packet(request, bytes([vici.LIST_ITEM, 0, 1]) + b"a")
    yield "a list without an end", packet(request, bytes([vici.LIST_START, 1]) + b"a")
    yield "a key in a list", packet(request, bytes([vici.LIST_START, 1]) + b"a" + bytes([vici.KEY_VALUE, 1]) + b"b\0\0")
    yield "a short value", packet(request, bytes([vici.KEY_VALUE, 1]) + b"a\xff\xff")
    yield "a key twice", packet(request, (bytes([vici.KEY_VALUE, 1]) + b"a\0\0") * 2)
    yield "too deep", packet(request, (bytes([vici.SECTION_START, 1]) + b"a") * 1000 + bytes([vici.SECTION_END]) * 1000)
    yield "an end before the body", struct.pack("!I", 100) + b"\0"


def check_malformed(path):
    for what, octets in malformed_packets():
        with vici.Client(path, timeout=10) as client:
            client.send_raw(octets)
            client.socket.shutdown(socket.SHUT_WR)
            try:
                while client.socket.recv(4096):
                    pass
            except ConnectionError:
                pass
            except TimeoutError as why:
                raise AssertionError(f"{what}: neither an answer nor an end") from why
        assert answers(path), f"after {what} the daemon answers no more"


def check_bad_company(path):
    """Slow, dead and too many clients harm nobody."""
    slow = []
    for _ in range(5):
        client = vici.Client(path)
        client.register("log")
        for _ in range(200):  # asks, and never reads
            try:
                client.socket.settimeout(0.2)
                client.send(vici.CMD_REQUEST, "get-algorithms")
            except (TimeoutError, ConnectionError):
                break
        slow.append(client)
    # Octet by octet, another in between.
    dribble = vici.Client(path)
    for octet in struct.pack("!I", 9) + bytes([vici.CMD_REQUEST, 7]) + b"version":
        dribble.send_raw(bytes([octet]))
        assert answers(path)
    same(vici.decode(dribble.receive()[2])["daemon"], "culvertd", "an answer to a slow question")
    dead = [vici.Client(path) for _ in range(20)]
    for client in dead[:10]:
        client.send_raw(b"\0\0")
        client.close()
    assert answers(path)
    crowd = []
    for _ in range(100):
        crowd.append(vici.Client(path))
    for client in slow + dead + crowd + [dribble]:
        client.close()
    world.until("answer when the crowd has gone", lambda: survives(path))


def check_no_descriptor(daemon):
    """Without a descriptor for the next client the daemon waits, and says so."""
    pid = daemon.process.pid

    def ticks():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return sum(int(word) for word in stat.read().rsplit(")", 1)[1].split()[11:13])

    # The numbers that are in use: the limit is of the highest one.
    inside = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (inside, before[1]))
    waiting = [vici.Client(daemon.vici) for _ in range(5)]
    world.until("word of it in the log", lambda: "Too many open files" in daemon.tail())
    begun = ticks()
    time.sleep(2)
    spent = ticks() - begun
    assert spent < os.sysconf("SC_CLK_TCK"), f"{spent} ticks of 2 s to accept nobody"
    same(daemon.tail().count("Too many open files"), 1, "lines about it")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    world.until("answer when there are descriptors", lambda: survives(daemon.vici))
    for client in waiting:
        client.close()


def survives(path):
    try:
        return answers(path)
    except (ConnectionError, TimeoutError):
        time.sleep(0.05)
        return False


def main():
    with world.World() as here:
        here.daemon("b", "culvertd", world.gateway(2), plane="null")
        one = here.daemon("a", "culvertd", plane="null")
        with vici.Client(one.vici) as client, vici.Client(one.vici) as watcher:
            for event in ("ike-updown", "child-updown", "ike-rekey", "child-rekey", "alert", "log", "culvert-failure"):
                watcher.register(event)
            for check in (check_catalog, check_questions, check_loading, check_policies):
                check(client)
                print(check.__name__, "passed", flush=True)
            for check in (check_life, check_failure):
                check(client, watcher)
                print(check.__name__, "passed", flush=True)
            check_log_levels(client)
            check_credentials_go(client)
        check_malformed(one.vici)
        print("check_malformed passed", flush=True)
        check_bad_company(one.vici)
        print("check_bad_company passed", flush=True)
        check_no_descriptor(one)
        print("check_no_descriptor passed", flush=True)
    print("vici commands: passed")


if __name__ == "__main__":
    main()
