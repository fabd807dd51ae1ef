#!/usr/bin/env python3
"""culvert-exporter between two gateways: its text is taken by another's strict OpenMetrics parser, says what happened,
and has every metric and label that the Grafana dashboard asks for. Needs prometheus_client. Exit status 0 passed, 77
cannot run here."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    world.skip("prometheus_client is not installed (python3-prometheus-client)")

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
POOL = "pools {\n road {\n addrs = 10.9.0.0/24\n }\n}\n"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def get(path, target="/metrics"):
    client = Unix(path)
    client.request("GET", target)
    answer = client.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read().decode()


class Scrape:
    """{sample name: [(labels, value)]}"""

    def __init__(self, path):
        status, kind, text = get(path)
        assert status == 200 and kind.startswith("application/openmetrics-text; version=1.0.0"), (status, kind)
        assert text.endswith("# EOF\n"), text[-100:]
        self.types, self.samples = {}, {}
        for family in text_string_to_metric_families(text):
            assert family.name not in self.types, f"{family.name} comes twice"
            assert family.documentation, f"{family.name} has no help"
            self.types[family.name] = family.type
            for sample in family.samples:
                self.samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def value(self, name, **labels):
        found = [value for have, value in self.samples.get(name, []) if labels.items() <= have.items()]
        return sum(found) if found else None


def expressions():
    with open(os.path.join(SOURCE, "packaging", "grafana-dashboard.json"), encoding="utf-8") as text:
        board = json.load(text)
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def check_dashboard(scrapes):
    """Every name in a query is one that was exported, and so is every label that it names."""
    names = {name for scrape in scrapes for name in scrape.samples}
    labels = {name: {label for scrape in scrapes for have, _ in scrape.samples.get(name, []) for label in have} for name in names}
    asked = set()
    for title, query in expressions():
        found = re.findall(r"\bculvert_\w+", query)
        assert found, f"{title}: {query} asks for nothing of ours"
        for name in found:
            assert name in names, f"{title}: {name} is not exported"
            asked.add(name)
        known = set().union(*(labels[name] for name in found))
        wanted = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query))
        for group in re.findall(r"\b(?:by|ignoring|on|without)\s*\(([^)]*)\)", query):
            wanted |= {word.strip() for word in group.split(",") if word.strip()}
        assert wanted <= known, f"{title}: {query} names labels {wanted - known}"
    for must in ("culvert_up", "culvert_child_up", "culvert_dropped_packets_total", "culvert_handshakes_total",
                 "culvert_handshake_duration_seconds_bucket", "culvert_retransmissions_total", "culvert_rekeys_total",
                 "culvert_dead_peers_total", "culvert_pool_leases", "culvert_certificate_expiry_timestamp_seconds"):
        assert must in asked, f"the dashboard does not show {must}"


def check_documented(scrapes):
    """docs/culvert.md names every metric, and no other."""
    with open(os.path.join(SOURCE, "docs", "culvert.md"), encoding="utf-8") as text:
        named = set(re.findall(r"`(culvert_\w+)`", text.read()))
    # Of a histogram the family.
    exported = {re.sub(r"_(bucket|count|sum)$", "", name) for scrape in scrapes for name in scrape.samples}
    assert named == exported, f"only in docs/culvert.md: {named - exported}; only exported: {exported - named}"


def certificate(here, daemon):
    run = lambda *words: world.run(here.culvert, *words)  # noqa: E731
    folder = os.path.dirname(daemon.conf)
    run("pki", "authority", "Root", "--dir", folder)
    run("pki", "issue", "g1.example", "--dir", folder, "--days", "30")


def main():
    exporter = world.program("CULVERT_EXPORTER", "culvert-exporter")
    with world.World() as here:
        here.daemon("b", "culvertd", world.gateway(2, more="pools = road", extra=POOL))
        one = here.daemon("a", "culvertd", world.gateway(1, more="vips = 0.0.0.0"))
        paths = {}
        exporters = []
        for daemon in here.daemons:
            paths[daemon.side] = path = os.path.join(here.dir, f"metrics-{daemon.side}")
            exporters.append(subprocess.Popen([exporter, "--listen", f"unix://{path}", "--vici", f"unix://{daemon.vici}"]))
            world.until("exporter", lambda path=path: listens(path))
        try:
            first = Scrape(paths["a"])
            assert first.value("culvert_handshakes_total", outcome="established") == 0
            assert first.value("culvert_up") == 1
            certificate(here, one)
            one.culvert("reload")
            one.culvert("up", "net")
            one.culvert("rekey", "net")
            world.run("ip", "netns", "exec", here.space("a"), "ping", "-n", "-q", "-c", "3", "-i", "0.05", "10.2.0.1")
            world.run("ip", "netns", "exec", here.space("a"), "ping", "-n", "-q", "-c", "1", "-W", "1", "-I", "10.1.0.1", "10.2.0.1",
                      check=False)
            up, peer = Scrape(paths["a"]), Scrape(paths["b"])
            assert up.types["culvert_handshake_duration_seconds"] == "histogram"
            assert up.value("culvert_handshakes_total", outcome="established") == 1
            assert up.value("culvert_handshake_duration_seconds_count") == 1
            assert up.value("culvert_handshake_duration_seconds_bucket", le="+Inf") == 1
            assert up.value("culvert_handshake_duration_seconds_sum") > 0
            assert up.value("culvert_child_up", connection="gw", child="net") == 1
            assert up.value("culvert_child_sa_packets", connection="gw", child="net", direction="in") >= 3
            assert up.value("culvert_rekeys_total", kind="child-rekey") == 1
            assert first.value("culvert_child_up", connection="gw", child="net") == 0
            assert peer.value("culvert_pool_leases", pool="road", state="online") == 1
            own = [labels for labels, _ in up.samples["culvert_certificate_expiry_timestamp_seconds"] if labels["own"] == "yes"]
            assert len(own) == 1 and "g1.example" in own[0]["subject"], own
            one.culvert("down", "gw")
            one.write(world.gateway(1).replace("only for the tests", "another"))
            one.culvert("reload")
            one.culvert("up", "net", check=False)
            one.write(world.gateway(1, more="vips = 0.0.0.0").replace("remote_ts = 10.2.0.0/16", "remote_ts = 10.99.0.0/16"))
            one.culvert("reload")
            one.culvert("up", "net", check=False)
            failed = Scrape(paths["a"])
            assert failed.value("culvert_child_failures_total", code="ts_unacceptable") == 1, failed.samples
            assert failed.value("culvert_handshakes_total", outcome="authentication_failed") == 1, failed.samples
            assert failed.value("culvert_recent_failures", connection="gw", code="authentication_failed") == 1
            check_dashboard([first, up, peer, failed])
            check_documented([first, up, peer, failed])
            assert get(paths["a"], "/")[0] == 404
            here.stop(one)
            gone = Scrape(paths["a"])
            assert gone.value("culvert_up") == 0 and len(gone.types) == 1, gone.samples
        finally:
            for process in exporters:
                process.terminate()
                process.wait(10)
    print("metrics: passed")


if __name__ == "__main__":
    main()
