#!/usr/bin/env python3
"""2,000 connections loaded and as many SAs up (null plane): what is shown is complete, and a reload of an unchanged file
disturbs nothing. How long status, list-sas and the reload take is printed, and no matter of passing."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vici  # noqa: E402
import world  # noqa: E402

world.PATIENCE_S = 120  # for so many handshakes
COUNT = int(os.environ.get("CULVERT_SCALE", "2000"))


def conf(number):
    other = 3 - number
    out = ["connections {"]
    for one in range(COUNT):
        out.append(f"""c{one} {{
 version = 2
 local_addrs = 192.0.2.{number}
 remote_addrs = 192.0.2.{other}
 proposals = aes256gcm16-prfsha384-curve25519
 mobike = no
 local {{
  auth = psk
  id = g{number}-{one}.example
 }}
 remote {{
  auth = psk
  id = g{other}-{one}.example
 }}
 children {{
  n{one} {{
   local_ts = 10.{100 + number}.{one // 256}.{one % 256}/32
   remote_ts = 10.{100 + other}.{one // 256}.{one % 256}/32
   esp_proposals = aes256gcm16
  }}
 }}
}}""")
    return "\n".join(out) + "\n}\nsecrets {\n ike {\n  secret = \"only for the tests\"\n }\n}\n"


def timed(what, action):
    best = None
    for _ in range(3):
        begin = time.monotonic()
        result = action()
        took = time.monotonic() - begin
        best = took if best is None else min(best, took)
    print(f"{what}: {best * 1000:.0f} ms", flush=True)
    return result


def main():
    with world.World() as here:
        # So many at once wait for each other, longer on a busy machine: nobody is to give up.
        settings = ("    init_limit_half_open = 10000\n    block_threshold = 0\n"
                    "    cookie_threshold = 0\n    cookie_threshold_ip = 0\n"
                    "    retransmit_tries = 30\n    retransmit_timeout = 4\n    half_open_timeout = 120\n")
        here.daemon("b", "culvertd", conf(2), settings=settings, plane="null")
        one = here.daemon("a", "culvertd", conf(1), settings=settings, plane="null")
        client = vici.Client(one.vici, timeout=120)
        begin = time.monotonic()
        for number in range(COUNT):
            answer = client.request("initiate", {"ike": f"c{number}", "child": f"n{number}", "timeout": "-1"})
            assert answer["success"] == "yes", answer
        world.until(f"{COUNT} SAs", lambda: int(client.request("stats")["ikesas"]["total"]) -
                    int(client.request("stats")["ikesas"]["half-open"]) >= COUNT)
        print(f"{COUNT} SAs up in {time.monotonic() - begin:.1f} s", flush=True)
        sas = timed("list-sas", lambda: client.streamed("list-sas", "list-sa")[0])
        assert len(sas) == COUNT, len(sas)
        spis = sorted(body["initiator-spi"] for sa in sas for body in sa.values())
        timed("culvert status", lambda: subprocess.run(
            [here.culvert, "status", "--vici", f"unix://{one.vici}"], stdout=subprocess.DEVNULL, check=True))
        answer = timed("reload of an unchanged file", lambda: client.request("culvert-reload"))
        assert answer["success"] == "yes" and not answer["changed"] and not answer["added"], answer
        after = client.streamed("list-sas", "list-sa")[0]
        assert sorted(body["initiator-spi"] for sa in after for body in sa.values()) == spis, "a reload disturbed SAs"
    print("scale: passed")


if __name__ == "__main__":
    main()
