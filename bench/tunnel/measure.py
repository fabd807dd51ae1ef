#!/usr/bin/env python3
"""Measures tunnels beside one another.

usage: measure.py PEERS-FOLDER OUT.csv RUNS SECONDS IMPL-FILE...

All implementations are up at once, each in namespaces of its own (hold.sh); a run measures each
figure of each of them in turn, so that what else the machine does meets all alike: figures of one
run may be compared, those of two runs hardly. Lines of OUT.csv: impl,run,test,value.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LOCAL, REMOTE = "10.1.0.1", "10.2.0.1"  # of peers/lib.sh
TICKS = os.sysconf("SC_CLK_TCK")
UDP_STEPS = int(os.environ.get("UDP_STEPS", "6"))
UDP_SECONDS = int(os.environ.get("UDP_SECONDS", "2"))
UDP_KPPS_MAX = 192
UDP_LOSS_MAX_PERCENT = 0.5


class Failed(Exception):
    pass


class Tunnel:
    """One implementation, up at both ends."""

    def __init__(self, peers, number, file, state):
        self.name = pathlib.Path(file).name.removeprefix("impl-").removesuffix(".sh")
        self.prefix = f"cb{os.getpid() % 10000}{chr(ord('a') + number)}"
        self.server = None
        self.log = open(state / f"{self.name}.log", "w", encoding="utf-8")
        self.holder = subprocess.Popen(
            ["bash", str(HERE / "hold.sh"), str(peers), self.prefix, str(state / self.name), file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.holder.stdout.readline().split()
        if not line or line[0] != "up":
            self.close()
            raise Failed(f"{self.name} did not come up, see {self.log.name}")
        self.pids = [int(pid) for pid in line[1:]]
        self.server = subprocess.Popen(
            self.inside("B", "iperf3", "-s", "-B", REMOTE), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(50):
            listening = subprocess.run(self.inside("B", "ss", "-Hltn"), capture_output=True,
                                       text=True, check=False).stdout
            if ":5201" in listening:
                break
            time.sleep(0.1)

    def inside(self, end, *command):
        return ["ip", "netns", "exec", self.prefix + end, *command]

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
        if self.holder.poll() is None:
            self.holder.stdin.close()
            try:
                self.holder.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.holder.terminate()
                self.holder.wait()
        self.log.close()

    def cpu_s(self):
        """User and system time of the daemons of both ends."""
        used = 0
        for pid in self.pids:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
            fields = stat.rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICKS

    def memory_mib(self):
        """Resident memory of one end: the mean of both."""
        sizes = []
        for pid in self.pids:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            sizes.append(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024)
        return statistics.mean(sizes) if sizes else None

    def iperf(self, seconds, *options):
        command = self.inside("A", "timeout", str(seconds + 20), "iperf3", "-c", REMOTE, "-B", LOCAL,
                              "-J", "-t", str(seconds), *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            end = json.loads(done.stdout)["end"]
            return end["sum" if "-u" in options else "sum_received"]
        except (ValueError, KeyError) as wrong:
            raise Failed(f"{self.name}: iperf3 {' '.join(options)} gave no result") from wrong

    def tcp(self, seconds, *options):
        """Gbit/s, and CPU seconds of the daemons for one Gbit."""
        before = self.cpu_s()
        got = self.iperf(seconds, *options)
        gbit = got["bytes"] * 8 / 1e9
        return gbit / got["seconds"], (self.cpu_s() - before) / gbit if self.pids else None

    def passes(self, kpps):
        try:
            end = self.iperf(UDP_SECONDS, "-u", "-l", "64", "-b", f"{kpps * 512}K")
        except Failed:  # where hardly anything passes, iperf3's own word is lost too
            return False
        offered = end["packets"] / end["seconds"] / 1e3
        return end["lost_percent"] < UDP_LOSS_MAX_PERCENT and offered > 0.95 * kpps

    def udp64_kpps(self):
        """The highest rate of 64-octet packets that passes whole, by bisection. Another program on
        the machine may spoil a try: a rate that fails is tried twice."""
        low, high = 0, UDP_KPPS_MAX
        for _ in range(UDP_STEPS):
            middle = (low + high) // 2
            if self.passes(middle) or self.passes(middle):
                low = middle
            else:
                high = middle
        return low

    def ping(self, count, interval="0.005"):
        done = subprocess.run(
            self.inside("A", "ping", "-c", str(count), "-i", interval, "-I", LOCAL, REMOTE),
            capture_output=True, text=True, check=False)
        times = sorted(float(t) * 1000 for t in re.findall(r"time=([\d.]+)", done.stdout))
        if not times:
            raise Failed(f"{self.name}: no ping came back")
        return statistics.median(times), times[int(len(times) * 0.95)]

    def ping_under_load(self, seconds):
        load = subprocess.Popen(
            self.inside("A", "timeout", str(seconds + 20), "iperf3", "-c", REMOTE, "-B", LOCAL, "-t",
                        str(seconds)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return self.ping(int((seconds - 1) * 50), "0.02")
        finally:
            load.wait()


def figures(tunnel, test, seconds):
    """[(name, value)] of one test."""
    if test.startswith("tcp"):
        options = (["-P", "4"] if "4" in test else []) + (["-R"] if test.endswith("r") else [])
        gbit_s, cpu = tunnel.tcp(seconds, *options)
        out = [(test, gbit_s)]
        if test == "tcp1" and cpu is not None:
            out += [("cpu", cpu), ("memory", tunnel.memory_mib())]
        return out
    if test == "udp64":
        return [(test, tunnel.udp64_kpps())]
    if test == "ping":
        median, p95 = tunnel.ping(200)
        return [("ping", median), ("ping95", p95)]
    if test == "pingload":
        median, p95 = tunnel.ping_under_load(max(seconds, 2))
        return [("pingload", median), ("pingload95", p95)]
    raise Failed(f"there is no test {test}")


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    peers, out, runs, seconds = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    tests = os.environ.get("TESTS", "tcp1 tcp1r tcp4 tcp4r udp64 ping pingload").split()
    tunnels = []
    with tempfile.TemporaryDirectory(prefix="culvert-bench.") as state, \
            open(out, "w", encoding="utf-8") as lines:
        lines.write("impl,run,test,value\n")
        try:
            for number, file in enumerate(sys.argv[5:]):
                try:
                    tunnels.append(Tunnel(peers, number, file, pathlib.Path(state)))
                except Failed as why:
                    print(f"left out: {why}")
                    log = pathlib.Path(state) / f"{pathlib.Path(file).name[5:-3]}.log"
                    if log.exists():
                        print(log.read_text(encoding="utf-8", errors="replace")[-2000:])
            for run in range(1, runs + 1):
                for test in tests:
                    for tunnel in tunnels:
                        try:
                            got = figures(tunnel, test, seconds)
                        except Failed as why:
                            print(f"no figure: {why}")
                            continue
                        for name, value in got:
                            if value is None:
                                continue
                            lines.write(f"{tunnel.name},{run},{name},{value:.4f}\n")
                            lines.flush()
                            print(f"run {run}: {tunnel.name} {name} {value:.3f}", flush=True)
        finally:
            for tunnel in tunnels:
                tunnel.close()


if __name__ == "__main__":
    main()
