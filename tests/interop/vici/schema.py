#!/usr/bin/env python3
"""docs/culvert.schema.json is what the commands print: each command, run against a daemon and refused by it, is
validated; a key that the schema does not name is an error here. Needs jsonschema. Exit status 0 passed, 77 cannot run
here."""
import copy
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402

try:
    import jsonschema
except ImportError:
    world.skip("jsonschema is not installed (python3-jsonschema)")

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
POOL = "pools {\n road {\n addrs = 10.9.0.0/24\n }\n}\n"
OTHER = """connections {
    office {
        version = 2
        remote_addrs = no-such-host.invalid
        local {
            auth = psk
            id = g1.example
        }
        remote {
            auth = psk
            id = nobody.example
        }
        children {
            desk {
                remote_ts = 10.66.0.0/16
                start_action = trap
            }
            lan {
                mode = pass
                local_ts = 10.67.0.0/16
                remote_ts = 10.67.0.0/16
            }
        }
    }
}
"""


def strict(schema):
    """The same, with every key that it does not name forbidden."""
    if isinstance(schema, dict):
        out = {key: strict(value) for key, value in schema.items()}
        if "properties" in out and "additionalProperties" not in out and "type" in out:
            out["additionalProperties"] = False
        return out
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


class Book:
    def __init__(self):
        with open(os.path.join(SOURCE, "docs", "culvert.schema.json"), encoding="utf-8") as text:
            self.schema = json.load(text)
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.strict = strict(copy.deepcopy(self.schema))
        self.seen = set()

    def validate(self, value, *path):
        whole = {"$schema": self.schema["$schema"], "$defs": self.strict["$defs"]}
        place = self.strict
        for key in path:
            place = place[key]
        whole["allOf"] = [place]
        errors = sorted(jsonschema.Draft202012Validator(whole).iter_errors(value), key=lambda one: list(one.path))
        for error in errors[:5]:
            print(f"{' '.join(path)}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}", file=sys.stderr)
        assert not errors, f"{' '.join(path)} is not what docs/culvert.schema.json says"
        self.seen.add(path[-1])


class Runner:
    def __init__(self, book, daemon):
        self.book, self.daemon = book, daemon

    def words(self, *words):
        space = ["ip", "netns", "exec", self.daemon.world.space(self.daemon.side)]
        return [*space, self.daemon.world.culvert, *words, "--json"]

    def commands(self, *words):
        """All that --help names, with those below them."""
        text = world.run(self.daemon.world.culvert, *words, "--help")
        own = [line.split()[0] for line in text.partition("Subcommands:\n")[2].splitlines() if line.strip()]
        return set().union(*(self.commands(*words, one) for one in own)) if own else {" ".join(words)}

    def objects(self, text):
        decoder, at = json.JSONDecoder(), 0
        while at < len(text.rstrip()):
            value, end = decoder.raw_decode(text, at)
            yield value
            at = end + len(text[end:]) - len(text[end:].lstrip())

    def run(self, command, *words, status=0, vici=True, schema=None):
        """The objects that it printed, validated; nothing but JSON may be on standard output."""
        uri = ["--vici", f"unix://{self.daemon.vici}"] if vici else []
        done = subprocess.run(self.words(*command.split(), *words, *uri), capture_output=True, text=True, timeout=90,
                              check=False)
        assert done.returncode == status, f"{command} {words}: {done.returncode}, not {status}: {done}"
        out = list(self.objects(done.stdout))
        assert out, f"{command} printed nothing: {done}"
        for one in out:
            self.book.validate(one, *(schema or (("commands", command) if status == 0 else ("$defs", "failed"))))
        return out

    def follow(self, command, *words, cause=None, count=1):
        """The first lines of one that does not end; one object a line."""
        with subprocess.Popen(self.words(command, *words, "--vici", f"unix://{self.daemon.vici}"), text=True,
                              stdout=subprocess.PIPE) as process:
            try:
                if cause:
                    world.until("subscription", lambda: subscribed(self))
                    cause()
                for _ in range(count):
                    self.book.validate(json.loads(process.stdout.readline()), "commands", command)
            finally:
                process.terminate()


def subscribed(runner):
    return int(runner.run("status")[0]["daemon"]["clients"]) >= 2


def without_daemon(book, runner, here):
    place = os.path.join(here.dir, "pki")
    runner.run("pki authority", "Root", "--dir", place, vici=False)
    runner.run("pki issue", "gw.example", "--dir", place, vici=False)
    runner.run("pki issue", "two.example", "--dir", place, "--out", place + "2", vici=False)
    runner.run("pki show", os.path.join(place, "x509", "gw.example.crt"), vici=False)
    runner.run("keygen", os.path.join(place, "new.key"), vici=False)
    runner.run("keygen", os.path.join(place, "new.key"), vici=False, status=1)
    wrong = os.path.join(here.dir, "wrong.conf")
    with open(wrong, "w", encoding="utf-8") as out:
        out.write("connections {\n a {\n  remote_adrs = 192.0.2.1\n }\n}\n")
    shown = runner.run("check", wrong, vici=False, status=1, schema=("commands", "check"))[0]
    assert "remote_addrs" in json.dumps(shown["problems"]), shown
    runner.run("check", runner.daemon.conf, vici=False)
    conf = os.path.join(here.dir, "ipsec.conf")
    with open(conf, "w", encoding="utf-8") as out:
        out.write("conn a\n left=192.0.2.1\n right=192.0.2.2\n authby=secret\n nonsense=1\n")
    assert runner.run("import", conf, vici=False)[0]["notes"]
    runner.run("import", "/nowhere/ipsec.conf", vici=False, status=1)


def main():
    book = Book()
    with world.World() as here:
        here.daemon("b", "culvertd", world.gateway(2, more="pools = road", extra=POOL).replace("remote_addrs = 192.0.2.1", ""))
        mine = world.gateway(1, more="vips = 0.0.0.0")
        runner = Runner(book, here.daemon("a", "culvertd", mine, settings="    follow_redirects = yes"))
        peer = Runner(book, here.daemons[0])
        runner.run("up", "net")
        runner.follow("monitor", cause=lambda: runner.run("rekey", "net"))
        for command in ("status", "stats", "certs", "log", "version", "diff", "leases"):
            runner.run(command)
        assert peer.run("leases")[0]["road"]["leases"], "the lease is not shown"
        assert runner.run("status", "net")[0]["sas"], "a name leaves what it names"
        runner.run("diagnose", "net", "--ping", "10.2.0.1")
        runner.follow("log", "--follow")
        runner.daemon.write(mine + OTHER)
        runner.run("diff")
        runner.run("reload")
        runner.run("up", "desk", status=1)
        runner.run("up", "nonsense", status=1)
        runner.run("diagnose", "desk", status=1, schema=("commands", "diagnose"))
        runner.run("down", "gw")
        runner.daemon.write(mine.replace("only for the tests", "another"))
        runner.run("reload")
        runner.run("up", "net", status=1)
        assert runner.run("status")[0]["failures"], "the failure is not kept"
        runner.daemon.write("nonsense")
        runner.run("reload", status=1)
        runner.daemon.write(mine)
        runner.run("reload")
        runner.run("up", "net")
        peer.run("redirect", "gw/net", "192.0.2.9", status=1)
        peer.run("redirect", "gw", "192.0.2.9")
        without_daemon(book, runner, here)
        here.stop(runner.daemon)
        runner.run("status", status=3)
        commands = runner.commands()
    missing = set(book.schema["commands"]) - book.seen
    assert not missing, f"in the schema, and never printed here: {missing}"
    unknown = commands - set(book.schema["commands"])
    assert not unknown, f"commands that are not in the schema: {unknown}"
    print(f"schema: {len(book.seen)} kinds of output passed")


if __name__ == "__main__":
    main()
