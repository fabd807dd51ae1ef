#!/usr/bin/env python3
"""strongSwan's own swanctl, unmodified, through each of its commands: against charon and against culvertd in the same
situation, with the same peer (charon). What it prints must be the same, field by field, but for numbers that chance or
time make (SPIs, seconds) and for the differences that are named here. Exit status 0 passed, 77 cannot run here."""
import difflib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402

POOL = """pools {
    road {
        addrs = 10.9.0.0/24
        dns = 10.1.0.53
    }
}"""
MORE = """            trap {
                local_ts = 10.1.0.0/16
                remote_ts = 10.3.0.0/16
            }
            around {
                mode = pass
                local_ts = 10.1.9.0/24
                remote_ts = 10.8.0.0/24
            }
        }
    }
}
secrets"""

# By the command: lines that may differ, as patterns for whole lines of either side.
DIFFER = {
    "--version": [],
    # Ours has one thread, no plugins, and no look into malloc.
    "--stats": [r"uptime: .*", r"worker threads: .*", r"mallinfo: .*", r"loaded plugins: .*", r"jobs scheduled: .*"],
    # Progress in our own words; the last line counts.
    "--initiate --child net": [r"\[...\] .*"],
    "--initiate --ike gw": [r"\[...\] .*"],
    "--terminate --child net": [r"\[...\] .*"],
    "--terminate --ike gw": [r"\[...\] .*"],
    "--counters": [r"  culvert-.*"],
}
# Where a refusal's words are ours: only that it is refused is compared.
REFUSED = re.compile(r"(\S+ failed): .*")


def conf(number):
    text = world.gateway(number, extra=POOL, child="rekey_time = 20m")
    return text.replace("        }\n    }\n}\nsecrets", MORE)


def normal(text, directory):
    text = text.replace(directory, "DIR")
    for pattern, word in ((r"\b[0-9a-f]{16}_([ir]\*?)", r"SPI_\1"), (r"\b[0-9a-f]{8}\b", "SPI"),
                          (r"(spi=)[0-9a-f]{16}", r"\1SPI"), (r"\b\d+s\b", "Ns"), (r"(#|net-|\{|reqid[= ])\d+", r"\1N"),
                          (r"(uniqueid|established|rekey-time|life-time|install-time|use-in|use-out)=\d+", r"\1=N"),
                          (r"culvert-[a-z-]+=(\[[^]]*\]|[^\s}]+) ?", ""), (r" (local|remote)_port=\d+", ""),
                          (r" (?=\})", "")):
        text = re.sub(pattern, word, text)
    return [REFUSED.sub(r"\1", line) for line in text.splitlines()]


def watched(daemon, option, cause):
    """What `swanctl OPTION` prints while `cause` happens."""
    env = dict(os.environ, SWANCTL_DIR=os.path.dirname(daemon.conf), STRONGSWAN_CONF=daemon.settings)
    path = os.path.join(daemon.dir, "watched")
    world.until("end of earlier clients", lambda: connections(daemon) == 0)
    with open(path, "w", encoding="utf-8") as out:
        process = subprocess.Popen(["stdbuf", "-oL", world.SWANCTL, option, "--uri", f"unix://{daemon.vici}"],
                                   stdout=out, stderr=out, env=env)
    def printed():
        with open(path, encoding="utf-8") as text:
            return text.read()
    try:
        world.until("connection of swanctl", lambda: connections(daemon) > 0)
        cause()
        world.until(f"word from swanctl {option}", lambda: printed().count("\n") > 1)
    finally:
        process.terminate()
        process.wait()
    return printed()


def connections(daemon):
    """Accepted ones on the daemon's socket: they belong to the client's namespace, which is ours."""
    with open("/proc/net/unix", encoding="utf-8") as table:
        return sum(daemon.vici in line for line in table)


def situation(here, kind):
    first = here.daemon("a", kind, conf(1))
    second = here.daemon("b", "charon", world.gateway(2))
    out = {}

    def do(*words, when=""):
        out[" ".join(words) + when] = first.swanctl(*words, check=False)

    for words in (["--load-all", "--noprompt"], ["--load-conns"], ["--load-creds", "--noprompt"], ["--load-pools"],
                  ["--load-authorities"], ["--version"], ["--stats"], ["--list-conns"], ["--list-conns", "--raw"],
                  ["--list-pools"], ["--list-pools", "--leases"], ["--list-certs"], ["--list-authorities"], ["--list-sas"],
                  ["--install", "--child", "trap"], ["--list-pols"], ["--list-pols", "--raw"], ["--install", "--child", "no"],
                  ["--uninstall", "--child", "no"], ["--initiate", "--child", "net"]):
        do(*words)
    for words in (["--list-sas"], ["--list-sas", "--raw"], ["--list-sas", "--ike", "other"], ["--counters"]):
        do(*words, when=", up" if words == ["--list-sas"] else "")
    do("--rekey", "--child", "net")
    world.until("rekeyed child", lambda: first.swanctl("--list-sas").count("INSTALLED") == 1)
    for words in (["--initiate", "--child", "nonsense"], ["--rekey", "--child", "nonsense"],
                  ["--terminate", "--ike", "nonsense"], ["--counters", "--reset"], ["--terminate", "--child", "net"]):
        do(*words)
    do("--list-sas", when=", childless")
    for words in (["--terminate", "--ike", "gw"], ["--list-sas"], ["--flush-certs"], ["--reload-settings"]):
        do(*words)
    out["--monitor-sa"] = watched(first, "--monitor-sa", lambda: first.swanctl("--initiate", "--child", "net"))
    out["--log"] = watched(first, "--log", lambda: first.swanctl("--terminate", "--ike", "gw"))
    algorithms = first.swanctl("--list-algs")
    text = first.dir
    here.stop(first)
    here.stop(second)
    return {key: normal(value, text) for key, value in out.items()}, algorithms


def compare(theirs, ours):
    failures = 0
    for command, wanted in theirs.items():
        got = ours[command]
        if command in ("--monitor-sa", "--log"):
            continue
        free = [re.compile(pattern) for pattern in DIFFER.get(command, [])]
        kept = [[line for line in lines if not any(one.fullmatch(line) for one in free)] for lines in (wanted, got)]
        if kept[0] == kept[1]:
            continue
        failures += 1
        print(f"swanctl {command}:")
        print("\n".join(difflib.unified_diff(*kept, "charon", "culvertd", lineterm="")))
    return failures


def main():
    for needed in (world.SWANCTL, world.CHARON):
        if not os.access(needed, os.X_OK):
            world.skip(f"strongSwan is not installed ({needed})")
    if not os.path.exists("/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"):
        world.skip("strongSwan has no user-space ESP (libcharon-extra-plugins)")
    with world.World() as here:
        theirs, _ = situation(here, "charon")
        ours, algorithms = situation(here, "culvertd")
    failures = compare(theirs, ours)
    for wanted in ("AES_GCM_16[", "PRF_HMAC_SHA2_384[", "ECP_384[", "HMAC_SHA2_256_128[", "CURVE_25519["):
        assert wanted in algorithms, f"--list-algs without {wanted}"
    for command, words in (("--monitor-sa", ("gw: ", "net: ", "ESTABLISHED")), ("--log", ("[IKE]", "gw"))):
        for word in words:
            assert word in "\n".join(ours[command]), f"swanctl {command} without {word}: {ours[command]}"
            assert word in "\n".join(theirs[command]), f"charon's {command} without {word}: {theirs[command]}"
    assert "ESTABLISHED" in "\n".join(theirs["--list-sas, up"]), "nothing was up"
    if failures:
        raise SystemExit(f"{failures} commands of swanctl print something else")
    print(f"swanctl: {len(theirs)} commands passed")


if __name__ == "__main__":
    main()
