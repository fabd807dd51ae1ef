#!/usr/bin/env python3
"""What operators do with culvert, between two gateways with the user-space plane: up, status, diagnose, diff and reload
under traffic, a broken file, updown scripts, log and monitor, and each failure that `culvert up` must explain. Exit
status 0 passed, 77 cannot run here."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402

OTHER = """            other {
                local_ts = 10.1.7.0/24
                remote_ts = 10.2.7.0/24
                esp_proposals = aes256gcm16
            }
        }
    }
}
secrets"""


def with_other(text):
    return text.replace("        }\n    }\n}\nsecrets", OTHER)


def culvert(daemon, *words):
    """(status, standard output, standard error)"""
    space = ["ip", "netns", "exec", daemon.world.space(daemon.side)]
    done = subprocess.run([*space, daemon.world.culvert, *words, "--vici", f"unix://{daemon.vici}"], capture_output=True, text=True,
                          timeout=90, check=False)
    return done.returncode, done.stdout, done.stderr


def expect(done, status, *parts):
    assert done[0] == status, f"status {done[0]}, not {status}: {done}"
    for part in parts:
        assert part in done[1] + done[2], f"{part!r} is not in {done}"
    return done


def script(here):
    """Writes what it is told, one file a run; hangs where its argument says so."""
    path = os.path.join(here.dir, "updown")
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"""#!/bin/sh
env | grep -E '^(PLUTO_|PATH=)' >>{here.dir}/told.$1
echo end >>{here.dir}/told.$1
[ "$2" != hang ] || exec sleep 1000
""")
    os.chmod(path, 0o755)
    return path


def told(here, name):
    try:
        with open(os.path.join(here.dir, f"told.{name}"), encoding="utf-8") as text:
            runs = text.read().split("end\n")[:-1]
    except FileNotFoundError:
        return []
    return [dict(line.split("=", 1) for line in run.splitlines()) for run in runs]


def unique_id(daemon):
    found = re.search(r"^gw: #(\d+), ESTABLISHED", daemon.swanctl("--list-sas"), re.M)
    return found and found.group(1)


def check_up_and_status(one):
    expect(culvert(one, "up", "net"), 0, "net is up, handshake", "AES_GCM_16-256")
    expect(culvert(one, "status"), 0, "gw #", "10.1.0.0/16 === 10.2.0.0/16")
    for words in (["status"], ["stats"], ["leases"], ["certs"], ["log"], ["diff"], ["version"], ["up", "net"]):
        out = expect(culvert(one, *words, "--json"), 0)[1]
        decoder, at = json.JSONDecoder(), 0
        while at < len(out.rstrip()):
            _, at = decoder.raw_decode(out, at)
            at += len(out[at:]) - len(out[at:].lstrip())
    expect(culvert(one, "log", "--peer", "gw"), 0, "established")


def check_diagnose(here, one):
    done = expect(culvert(one, "diagnose", "net", "--ping", "10.2.0.1"), 0, "port answers", "IKE_SA_INIT",
                  "authentication", "ESP passes", "largest packet")
    assert "FAILED" not in done[1], done
    steps = json.loads(expect(culvert(one, "diagnose", "net", "--json", "--ping", "10.2.0.1"), 0)[1])["steps"]
    assert [step["outcome"] for step in steps.values()] == ["ok"] * len(steps), steps
    # ESP (and only ESP) is lost on the way out.
    drop = ["ip", "netns", "exec", here.space("b"), "nft"]
    world.run(*drop, "add table inet lost")
    world.run(*drop, "add chain inet lost in { type filter hook input priority -400; }")
    world.run(*drop, "add rule inet lost in ip protocol esp drop")
    expect(culvert(one, "diagnose", "net", "--ping", "10.2.0.1"), 1, "ok       IKE_SA_INIT", "FAILED   ESP passes",
           "nothing came back", "IP protocol 50")
    # Large ones are lost: a black hole. 14 octets of Ethernet do not count here.
    world.run(*drop, "flush chain inet lost in")
    world.run(*drop, "add rule inet lost in ip protocol esp meta length > 1200 drop")
    expect(culvert(one, "diagnose", "net", "--ping", "10.2.0.1"), 1, "FAILED   largest packet", "MTU")
    world.run(*drop, "delete table inet lost")


def check_reload(here, one):
    """What did not change carries every packet; a broken file changes nothing; what is removed is closed."""
    spis = lambda: [line.split()[1] for line in culvert(one, "status")[1].splitlines()  # noqa: E731
                    if line.strip().startswith(("in  ", "out "))]
    before = spis()
    ping = subprocess.Popen(["ip", "netns", "exec", here.space("a"), "ping", "-n", "-q", "-i", "0.02", "-c", "100", "-I",
                             "10.1.0.1", "10.2.0.1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(culvert(one, "reload"), 0, "nothing has changed")
    one.write(with_other(world.gateway(1)))
    expect(culvert(one, "diff"), 0, "+ child      gw/other")
    expect(culvert(one, "reload"), 0, "+ child      gw/other")
    expect(culvert(one, "diff"), 0, "a reload would change nothing")
    # A child that is configured no more is closed; its siblings go on.
    expect(culvert(one, "up", "other"), 0)
    one.write(world.gateway(1))
    expect(culvert(one, "reload"), 0, "- child      gw/other")
    world.until("end of the removed child", lambda: one.swanctl("--list-sas").count("INSTALLED") == 1)
    one.write(with_other(world.gateway(1)))
    expect(culvert(one, "reload"), 0, "+ child      gw/other")
    one.write(with_other(world.gateway(1)).replace("remote_ts", "remote_st", 1))
    expect(culvert(one, "diff"), 1, "swanctl.conf:", "remote_st", "did you mean remote_ts")
    expect(culvert(one, "reload"), 1, "swanctl.conf:", "remote_st", "did you mean remote_ts")
    out = ping.communicate(timeout=60)[0]
    assert " 0% packet loss" in out, f"a reload lost packets: {out}"
    assert spis() == before, f"a reload touched an SA: {before}, {spis()}"
    one.write("connections {\n}\n" + world.gateway(1).split("}\nsecrets", 1)[1].join(["secrets", ""]))
    expect(culvert(one, "reload"), 0, "- connection gw")
    world.until("end of the removed connection", lambda: "ESTABLISHED" not in one.swanctl("--list-sas"))


def check_updown(here, one):
    path = script(here)
    one.write(world.gateway(1, child=f"updown = {path} one\n hostaccess = yes"))
    expect(culvert(one, "reload"), 0, "+ connection gw")
    expect(culvert(one, "up", "net"), 0)
    world.until("updown script's word", lambda: len(told(here, "one")) == 1)
    wanted = {"PLUTO_VERB": "up-client", "PLUTO_CONNECTION": "net", "PLUTO_ME": "192.0.2.1", "PLUTO_PEER": "192.0.2.2",
              "PLUTO_MY_ID": "g1.example", "PLUTO_PEER_ID": "g2.example", "PLUTO_MY_CLIENT": "10.1.0.0/16",
              "PLUTO_PEER_CLIENT": "10.2.0.0/16", "PLUTO_PROTO": "esp", "PLUTO_HOST_ACCESS": "1", "PLUTO_MY_PORT": "0",
              "PLUTO_MY_PROTOCOL": "0", "PLUTO_VERSION": "1.1"}
    run = told(here, "one")[0]
    assert {key: run.get(key) for key in wanted} == wanted, run
    expect(culvert(one, "rekey", "net"), 0)
    world.until("rekeyed SA", lambda: one.swanctl("--list-sas").count("INSTALLED") == 1)
    before = unique_id(one)
    expect(culvert(one, "rekey", "gw"), 0)
    world.until("rekeyed IKE SA", lambda: unique_id(one) != before)
    expect(culvert(one, "down", "gw"), 0)
    world.until("updown script's last word", lambda: len(told(here, "one")) >= 2)
    runs = told(here, "one")
    assert [run["PLUTO_VERB"] for run in runs] == ["up-client", "down-client"], "a rekey is neither up nor down"
    assert runs[0]["PLUTO_UNIQUEID"] == runs[1]["PLUTO_UNIQUEID"], runs
    # A script that hangs holds up nobody; one that is not there is named.
    one.write(world.gateway(1, child=f"updown = {path} two hang"))
    expect(culvert(one, "reload"), 0)
    expect(culvert(one, "up", "net"), 0)
    world.until("hanging script", lambda: len(told(here, "two")) == 1)
    expect(culvert(one, "status"), 0, "gw #")
    expect(culvert(one, "down", "gw"), 0)
    one.write(world.gateway(1, child="updown = /nowhere/script"))
    expect(culvert(one, "reload"), 0)
    world.until("end of the hanging script", lambda: "was killed" in culvert(one, "log")[1])
    expect(culvert(one, "up", "net"), 0)
    world.until("word of the missing script", lambda: "/nowhere/script" in culvert(one, "log")[1])
    expect(culvert(one, "down", "gw"), 0)


def check_failures(one):
    """Each in words at `up`, and kept for `status`; the daemon goes on."""
    for change, code, stage, parts in (
            (("only for the tests", "another"), "authentication_failed", "FAILED   authentication", ["secret"]),
            (("aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048"), "no_proposal_chosen", "FAILED   IKE_SA_INIT",
             ["modp2048"]),
            (("remote_ts = 10.2.0.0/16", "remote_ts = 10.99.0.0/16"), "ts_unacceptable", "FAILED   selectors",
             ["10.99.0.0/16"]),
            (("remote_addrs = 192.0.2.2", "remote_addrs = 192.0.2.99"), "", "FAILED   port answers", ["192.0.2.99"]),
            (("remote_addrs = 192.0.2.2", "remote_addrs = no-such-host.invalid"), "peer_unreachable", "FAILED   name",
             ["no-such-host.invalid"])):
        one.write(world.gateway(1).replace(*change))
        expect(culvert(one, "reload"), 0)
        done = expect(culvert(one, "up", "net"), 1, "culvert: up net:", code, "wanted:", "got:", "to fix it:", *parts)
        assert done[1] == "", done
        expect(culvert(one, "diagnose", "net"), 1, stage)
        if "no-such-host" not in change[1]:
            expect(culvert(one, "status"), 0, "last failures")
        culvert(one, "down", "gw")  # an IKE SA without its child stays, and would be used again
    expect(culvert(one, "up", "nonsense"), 1, "not_found", "choose one of")


def main():
    with world.World() as here:
        here.daemon("b", "culvertd", with_other(world.gateway(2)).replace("10.1.7", "10.9.7"))
        one = here.daemon("a", "culvertd", world.gateway(1))
        check_up_and_status(one)
        print("up, status and JSON passed", flush=True)
        check_diagnose(here, one)
        print("diagnose passed", flush=True)
        check_reload(here, one)
        print("reload passed", flush=True)
        check_updown(here, one)
        print("updown passed", flush=True)
        check_failures(one)
        print("failures passed", flush=True)
        port = subprocess.run(["ip", "netns", "exec", here.space("a"), here.culvertd, "--plane", "null", "--foreground",
                               "--vici", f"unix://{here.dir}/second", "--state-dir", f"{here.dir}/state2"],
                              capture_output=True, text=True, timeout=30, check=False)
        expect((port.returncode, port.stdout, port.stderr), 1, "address_in_use", "To fix it")
    print("operate: passed")


if __name__ == "__main__":
    main()
