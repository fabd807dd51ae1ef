#!/usr/bin/env python3
"""X-07: culvertd, one end of a tunnel, with its n-th system call or its n-th allocation failing: it says so and ends
with 1, or goes on; it is never ended by a signal, never hangs, and always ends when it is told to.

FAULTS: how many n of each kind, spread over all there are (default 40), or `all`. FAULT_KINDS: "calls memory", the
default, or one of them."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vici"))
import world  # noqa: E402

LIBRARY = os.environ.get("FAIL_NTH", "build/release/lib/libfail_nth.so")
PATIENCE_S = 20


class Faulty:
    """culvertd of side a, once, with one fault."""

    def __init__(self, here, kind, at):
        self.daemon = here.daemon("a", "culvertd", world.gateway(1), start=False)
        self.here, self.kind, self.at = here, kind, at
        self.count = os.path.join(self.daemon.dir, "count")

    def failed(self, why):
        return RuntimeError(f"{self.kind} {self.at}: {why}\n{self.daemon.tail()}")

    def command(self):
        daemon = self.daemon
        return ["ip", "netns", "exec", self.here.space("a"), "env", f"LD_PRELOAD={os.path.abspath(LIBRARY)}",
                f"FAIL_KIND={self.kind}", f"FAIL_AT={self.at}", f"FAIL_COUNT={self.count}", self.here.culvertd,
                "--config", daemon.conf, "--settings", daemon.settings, "--vici", f"unix://{daemon.vici}",
                "--state-dir", os.path.join(daemon.dir, "state"), "--log", "info", "--foreground"]

    def run(self):
        daemon = self.daemon
        if os.path.exists(daemon.vici):
            os.unlink(daemon.vici)
        with open(daemon.log, "w", encoding="utf-8") as out:
            daemon.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        end = time.monotonic() + PATIENCE_S
        while daemon.process.poll() is None and not self.answers():
            if time.monotonic() > end:
                raise self.failed("neither ended nor answers")
            time.sleep(0.02)
        if daemon.process.poll() is None:
            # What becomes of the tunnel is open; that the daemon bears it is not. Without a fault it comes up.
            if not self.asks("up", "net", patience_s=5 if self.at else PATIENCE_S) and self.at == 0:
                raise self.failed("there is no tunnel, though nothing fails")
        ended_early = daemon.process.poll() is not None
        if not ended_early:
            daemon.process.terminate()
        try:
            status = daemon.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise self.failed("does not end when told to") from None
        daemon.process = None
        # It was about to end by itself, and has said why, when it was told to.
        if status == -signal.SIGTERM and "culvertd:" in daemon.tail():
            status = 1
        if status not in (0, 1):
            raise self.failed(f"ended with {status}")
        if ended_early and (status != 1 or "culvertd:" not in daemon.tail()):
            raise self.failed(f"ended with {status} and without a word")

    def end(self):
        process, self.daemon.process = self.daemon.process, None
        if process is not None:
            process.kill()
            process.wait()

    def answers(self):
        return os.path.exists(self.daemon.vici) and self.asks("version")

    def asks(self, *words, patience_s=5):
        """A client whose very call it was that failed may wait in vain; the next one does not."""
        try:
            return subprocess.run([self.here.culvert, *words, "--vici", f"unix://{self.daemon.vici}"],
                                  timeout=patience_s,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def spread(count):
    wanted = os.environ.get("FAULTS", "40")
    if wanted == "all" or count <= int(wanted):
        return range(1, count + 1)
    return sorted({1 + one * (count - 1) // (int(wanted) - 1) for one in range(int(wanted))})


def main():
    if not os.path.exists(LIBRARY):
        world.skip(f"{LIBRARY} is not built")
    bad = []
    with world.World() as here:
        # What the failing ones leave half-open must not keep the next one out.
        here.daemon("b", "culvertd", world.gateway(2), settings="block_threshold = 0\n cookie_threshold_ip = 0\n")
        for kind in os.environ.get("FAULT_KINDS", "calls memory").split():
            whole = Faulty(here, kind, 0)
            whole.run()
            with open(whole.count, encoding="utf-8") as file:
                count = int(file.read())
            assert count > 50, f"only {count} {kind} were seen: the library is not in the way"
            tried = spread(count)
            for at in tried:
                one = Faulty(here, kind, at)
                try:
                    one.run()
                except RuntimeError as why:
                    bad.append(f"{kind} {at}")
                    print(why, flush=True)
                    one.end()
            print(f"{kind}: {len(tried)} of {count} failed in turn", flush=True)
    if bad:
        sys.exit(f"faults: not borne: {', '.join(bad)}")
    print("faults: passed")


if __name__ == "__main__":
    main()
