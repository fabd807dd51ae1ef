#!/usr/bin/env python3
"""What swanctl --raw prints and what VICI's events carry, key by key: charon and culvertd, each in the same situation (a
gateway with certificates, an authority, a pool with a client on it, traps and a shunt; the client is charon). Keys that
one has and the other lacks, and values that differ without a reason, are named. Exit status 0 passed, 77 cannot run."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vici  # noqa: E402
import world  # noqa: E402

GATEWAY = """connections {
    road {
        version = 2
        local_addrs = 192.0.2.1
        proposals = aes256gcm16-prfsha384-ecp384
        pools = road
        rekey_time = 3h
        dpd_delay = 30s
        unique = replace
        local {
            auth = pubkey
            certs = g1.pem
            id = g1.example
        }
        remote {
            auth = pubkey
            cacerts = ca.pem
            id = *.example
        }
        children {
            net {
                local_ts = 10.1.0.0/16
                esp_proposals = aes256gcm16-ecp384
                rekey_time = 20m
                rekey_bytes = 500000000
                dpd_action = clear
            }
        }
    }
    site {
        version = 2
        local_addrs = 192.0.2.1
        remote_addrs = 192.0.2.77
        remote_port = 4500
        local {
            auth = psk
            id = g1.example
        }
        remote {
            auth = psk
            id = other.example
        }
        children {
            trap {
                start_action = trap
                close_action = trap
                local_ts = 10.1.0.0/16
                remote_ts = 10.3.0.0/16
            }
            host {
                mode = transport
                remote_ts = 192.0.2.77[tcp/179]
            }
            around {
                mode = pass
                start_action = trap
                local_ts = 10.1.9.0/24
                remote_ts = 10.8.0.0/24
            }
            none {
                mode = drop
                start_action = trap
                local_ts = 10.1.8.0/24
                remote_ts = 10.7.0.0/24
            }
        }
    }
}
pools {
    road {
        addrs = 10.9.0.0/24
        dns = 10.1.0.53
    }
    spare {
        addrs = fd09::/120
    }
}
authorities {
    own {
        cacert = ca.pem
        crl_uris = http://192.0.2.1:9/ca.crl
    }
}
secrets {
    ike-1 {
        id-1 = g1.example
        id-2 = other.example
        secret = "only for the tests"
    }
}
"""
CLIENT = """connections {
    road {
        version = 2
        local_addrs = 192.0.2.2
        remote_addrs = 192.0.2.1
        proposals = aes256gcm16-prfsha384-ecp384
        vips = 0.0.0.0
        local {
            auth = pubkey
            certs = g2.pem
            id = g2.example
        }
        remote {
            auth = pubkey
            id = g1.example
        }
        children {
            net {
                remote_ts = 10.1.0.0/16
                esp_proposals = aes256gcm16-ecp384
            }
        }
    }
}
"""
# Keys whose values chance, time or the machine make. Their presence counts, their value does not.
VARIES = {"uniqueid", "initiator-spi", "responder-spi", "spi-in", "spi-out", "established", "rekey-time", "reauth-time",
          "life-time", "install-time", "use-in", "use-out", "reqid", "since", "running", "data", "bytes-in", "bytes-out",
          "packets-in", "packets-out", "daemon", "release", "total", "idle", "critical", "high", "medium", "low",
          "scheduled", "plugins", "info-out-req", "info-in-resp", "info-in-req", "info-out-resp", "group", "level", "msg"}
# By command: what may be on one side only, as paths, and why.
THEIRS_ONLY = {
    # charon tells of an exchange from its midst, we when it is done.
    "event": [r".*/tasks-(active|passive|queued)", r".*/child-sas/net/old/rekey-time"],
    "--stats": [r"mallinfo(/.*)?"],  # a look into malloc that we have not
    # Algorithms and providers differ by build; that each category is there is compared.
    "--list-algs": [r"[a-z-]+/.*", "xof", "kdf", "drbg", "signer"],
}
OURS_ONLY = {
    "--version": ["culvert"],
    # A refusal in parts, beside errmsg.
    "refused": ["code", "wanted", "received", "remedy"],
    # Those of the client went to the new one before the event in charon. A new IKE SA has a crash
    # token to tell (RFC 6290), which charon has not.
    "event": [r".*/old/remote-vips", r".*/new/tasks-queued"],
    # charon has no shunts over its user-space ESP: it fails to install them.
    "--list-pols": [r"site/(around|none)(/.*)?"],
    "--list-algs": [r"[a-z-]+/.*", "ke"],  # "dh" until 5.9, "ke" since 6.0: both
    "--list-conns": [r".*/(local|remote)_port"],  # since 6.0
}


def make_certificates(place):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=place, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/C=CH/O=Shapes/CN=CA", "-days", "10", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name in ("g1", "g2"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/C=CH/O=Shapes/CN={name}", "-addext", f"subjectAltName=DNS:{name}.example")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.pem", "-days", "5", "-copy_extensions", "copy")


def give(place, folder, name):
    for source, kind in ((f"{name}.pem", "x509"), ("ca.pem", "x509ca"), (f"{name}.key", "private")):
        target = os.path.join(folder, kind, source)
        with open(os.path.join(place, source), "rb") as file, open(target, "wb") as out:
            out.write(file.read())
        os.chmod(target, 0o600)


def parse(text):
    """--pretty --raw: a list of messages as nested dictionaries."""
    messages, stack, items = [], [], None
    for line in (one.strip() for one in text.splitlines()):
        if items is not None:
            if line == "]":
                items = None
            else:
                items.append(line)
        elif line.endswith(" = ["):
            items = stack[-1].setdefault(line[:-4], [])
        elif line == "{" or line.endswith(" {"):
            fresh = {}
            if stack:
                stack[-1][line[:-2]] = fresh
            else:
                messages.append(fresh)
            stack.append(fresh)
        elif line == "}":
            if not stack:
                raise ValueError(f"more ends than sections:\n{text}")
            stack.pop()
        elif " = " in line and stack:
            key, value = line.split(" = ", 1)
            stack[-1][key] = value
    return messages


def flat(tree, path=""):
    """Paths to values; numbers in names of sections are of no matter."""
    out = {}
    for key, value in tree.items():
        here = f"{path}/{re.sub(r'[0-9]+$', 'N', key)}" if path else re.sub(r"(?<=-)[0-9]+$", "N", key)
        if isinstance(value, dict):
            out[here] = "{}"
            out.update(flat(value, here))
        else:
            out[here] = value
    return out


def compare(what, theirs, ours):
    wrong = []
    kind = "event" if what.startswith("event") else "refused" if what.endswith("nowhere") else what

    def allowed(table, path):
        return any(re.fullmatch(one, path) for one in table.get(kind, []))

    for path in theirs:
        if path not in ours and not allowed(THEIRS_ONLY, path):
            wrong.append(f"{what}: culvertd lacks {path} ({theirs[path]})")
    for path, value in ours.items():
        name = path.rsplit("/", 1)[-1]
        if "culvert-" in path:
            continue
        if path not in theirs:
            if not allowed(OURS_ONLY, path):
                wrong.append(f"{what}: only culvertd has {path} ({value})")
        elif type(value) is not type(theirs[path]):
            wrong.append(f"{what}: {path} is {type(value).__name__}, in charon {type(theirs[path]).__name__}")
        elif value != theirs[path] and name not in VARIES and path != "version" and not allowed(THEIRS_ONLY, path):
            wrong.append(f"{what}: {path} is {value!r}, in charon {theirs[path]!r}")
    return wrong


def merged(messages):
    out = {}
    for message in messages:
        # Certificates have no name but themselves.
        out.update(message if "type" not in message else {f"{message['type']} {message['data'][-8:]}": message})
    return out


def collect(watcher, when, *names):
    """The next event of each name, in whatever order they come."""
    out = {}
    while len(out) < len(names):
        name, body = watcher.any_event()
        if name in names:
            out[name] = body
    return {f"event {name} {when}".strip(): flat(body) for name, body in out.items()}


def situation(here, kind, certificates):
    first = here.daemon("a", kind, start=False)
    second = here.daemon("b", "charon", CLIENT, start=False)
    give(certificates, os.path.dirname(first.conf), "g1")
    give(certificates, os.path.dirname(second.conf), "g2")
    first.write(GATEWAY)
    first.start()
    second.start()
    out = {}
    with vici.Client(first.vici) as watcher:
        events = ("ike-updown", "child-updown", "child-rekey", "ike-rekey")
        for event in events:
            watcher.register(event)
        second.swanctl("--initiate", "--child", "net")
        out.update(collect(watcher, "up", "ike-updown", "child-updown"))
        for words in (["--version", "--daemon"], ["--stats"], ["--list-sas"], ["--list-conns"], ["--list-pols"], ["--list-certs"],
                      ["--list-pools", "--leases"], ["--list-authorities"], ["--list-algs"], ["--counters", "--all"],
                      ["--counters", "--name", "road"], ["--flush-certs"], ["--reload-settings"]):
            text = first.swanctl(*words, "--raw", "--pretty", check=False)
            if os.environ.get("SHAPES_SHOW"):
                print(f"{kind} {' '.join(words)}:\n{text}")
            out[words[0] if "--name" not in words else " ".join(words)] = flat(merged(parse(text)))
        out["--rekey"] = flat(merged(parse(first.swanctl("--rekey", "--child", "net", "--raw", "--pretty"))))
        out.update(collect(watcher, "", "child-rekey"))
        first.swanctl("--rekey", "--ike", "road")
        out.update(collect(watcher, "", "ike-rekey"))
        out["--terminate"] = flat(merged(parse(first.swanctl("--terminate", "--ike", "road", "--raw", "--pretty"))))
        out.update(collect(watcher, "down", "ike-updown", "child-updown"))
        for words in (["--terminate", "--ike", "nowhere"], ["--rekey", "--ike", "nowhere"], ["--initiate", "--child", "nowhere"],
                      ["--install", "--child", "nowhere"], ["--uninstall", "--child", "nowhere"]):
            answer = flat(merged(parse(first.swanctl(*words, "--raw", "--pretty", check=False))))
            out[" ".join(words)] = {key: "" if key == "errmsg" else value for key, value in answer.items()}
    here.stop(first)
    here.stop(second)
    return out


def main():
    for needed in (world.SWANCTL, world.CHARON):
        if not os.access(needed, os.X_OK):
            world.skip(f"strongSwan is not installed ({needed})")
    if not os.path.exists("/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"):
        world.skip("strongSwan has no user-space ESP (libcharon-extra-plugins)")
    with tempfile.TemporaryDirectory() as certificates, world.World() as here:
        make_certificates(certificates)
        client = subprocess.run(["openssl", "x509", "-in", f"{certificates}/g2.pem", "-outform", "DER"],
                                capture_output=True, check=True).stdout.hex()[-8:]
        theirs = situation(here, "charon", certificates)
        ours = situation(here, "culvertd", certificates)
    wrong = []
    keys = 0
    for what, wanted in theirs.items():
        assert wanted, f"charon said nothing to {what}"
        if what == "--list-certs":
            # charon keeps what peers show as well.
            wanted = {path: value for path, value in wanted.items() if client not in path}
        keys += len(wanted)
        wrong += compare(what, wanted, ours[what])
    print("\n".join(wrong))
    if wrong:
        raise SystemExit(f"{len(wrong)} keys or values are not as charon's")
    print(f"shapes: {len(theirs)} answers and events, {keys} keys passed")


if __name__ == "__main__":
    main()
