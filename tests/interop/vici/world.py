"""Two network namespaces with a wire between them, and a daemon in each: culvertd or charon.

    a 192.0.2.1 ======== 192.0.2.2 b        a: 10.1.0.1, b: 10.2.0.1 on their loopback

Everything has this process's pid in its name, and goes away with the World.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SWANCTL = "/usr/sbin/swanctl"
CHARON = "/usr/lib/ipsec/charon"
PATIENCE_S = 30
PLUGINS = ("random nonce openssl aes sha1 sha2 hmac kdf gcm gmp curve25519 pem pkcs1 pkcs8 x509 pubkey constraints "
           "revocation kernel-libipsec kernel-netlink socket-default vici updown counters")


def skip(why):
    print(f"skip: {why}")
    sys.exit(77)


def run(*words, check=True, timeout=60, env=None):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          check=False, env=env)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def program(variable, name):
    path = os.environ.get(variable, f"build/release/bin/{name}")
    if not os.access(path, os.X_OK):
        skip(f"{name} is not built ({path})")
    return os.path.abspath(path)


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"in {PATIENCE_S} s there was no {what}")
        time.sleep(0.05)


class Daemon:
    """One of the two. `vici` is the path of its socket."""

    def __init__(self, world, side, kind, conf="", settings=""):
        self.world, self.side, self.kind = world, side, kind
        self.dir = os.path.join(world.dir, f"{side}-{kind}")
        os.makedirs(os.path.join(self.dir, "swanctl"), exist_ok=True)
        for name in ("x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa",
                     "ecdsa", "pkcs8", "pkcs12"):
            os.makedirs(os.path.join(self.dir, "swanctl", name), exist_ok=True)
        self.vici = os.path.join(self.dir, "vici")
        self.log = os.path.join(self.dir, "log")
        self.conf = os.path.join(self.dir, "swanctl", "swanctl.conf")
        self.write(conf)
        self.settings = os.path.join(self.dir, "strongswan.conf")
        charon = "" if kind == "culvertd" else f"""
    load = {PLUGINS}
    plugins {{
        vici {{ socket = unix://{self.vici} }}
        kernel-libipsec {{ allow_peer_ts = yes }}
    }}
    filelog {{ log {{ path = {self.log}
        default = 1
        flush_line = yes }} }}"""
        with open(self.settings, "w", encoding="utf-8") as out:
            out.write(f"charon {{\n    retransmit_tries = 2\n    retransmit_timeout = 1\n    retransmit_base = 1\n"
                      f"{settings}{charon}\n}}\n")
        self.process = None

    def write(self, conf):
        with open(os.open(self.conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(conf)

    def start(self, plane="user"):
        if os.path.exists(self.vici):
            os.unlink(self.vici)  # of an earlier one
        space = ["ip", "netns", "exec", self.world.space(self.side)]
        env = dict(os.environ, STRONGSWAN_CONF=self.settings)
        if self.kind == "culvertd":
            words = space + [self.world.culvertd, "--config", self.conf, "--settings", self.settings, "--vici",
                             f"unix://{self.vici}", "--plane", plane, "--state-dir", os.path.join(self.dir, "state"),
                             "--log", "info,ike=debug", "--foreground"]
        else:
            words = space + ["unshare", "-m", "--propagation", "private", "bash", "-c",
                             f"mount -t tmpfs tmpfs /run && exec {CHARON}"]
        with open(self.log if self.kind == "culvertd" else self.log + ".out", "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        until(f"socket of {self.kind}", lambda: self._dead() or os.path.exists(self.vici))
        if self.kind != "culvertd":
            self.swanctl("--load-all", "--noprompt")
        return self

    def _dead(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.kind} ended with {self.process.returncode}\n{self.tail()}")
        return False

    def tail(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-40:])
        except OSError:
            return ""

    def swanctl(self, *words, check=True):
        env = dict(os.environ, SWANCTL_DIR=os.path.dirname(self.conf), STRONGSWAN_CONF=self.settings)
        return run(SWANCTL, *words, "--uri", f"unix://{self.vici}", check=check, env=env)

    def culvert(self, *words, check=True):
        return run(self.world.culvert, *words, "--vici", f"unix://{self.vici}", check=check)

    def stop(self):
        """culvertd has lived until now, and ends well; charon is as it is."""
        process, self.process = self.process, None
        if process is None:
            return
        by_itself = process.poll() is not None
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self.kind == "culvertd" and (by_itself or process.returncode):
            raise RuntimeError(f"culvertd of {self.side} ended {'by itself ' if by_itself else ''}with "
                               f"{process.returncode}\n{self.tail()}")


class World:
    def __init__(self):
        if os.geteuid() != 0:
            skip("not root: namespaces cannot be made")
        if not os.path.exists("/dev/net/tun"):
            skip("no TUN device (/dev/net/tun)")
        self.culvertd = program("CULVERTD", "culvertd")
        self.culvert = program("CULVERT", "culvert")
        # Ended from outside, we still clean up.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.dir = tempfile.mkdtemp(prefix="culvert-vici.")
        self.daemons = []
        self.failed = False

    def space(self, side):
        return f"cvv{os.getpid()}-{side}"

    def __enter__(self):
        probe = subprocess.run(["ip", "netns", "add", self.space("a")], stderr=subprocess.DEVNULL, check=False)
        if probe.returncode:
            shutil.rmtree(self.dir)
            skip("network namespaces are not allowed here")
        run("ip", "netns", "add", self.space("b"))
        run("ip", "link", "add", "wire", "netns", self.space("a"), "type", "veth", "peer", "name", "wire", "netns",
            self.space("b"))
        for number, side in ((1, "a"), (2, "b")):
            for words in (("link", "set", "lo", "up"), ("link", "set", "wire", "up"),
                          ("addr", "add", f"192.0.2.{number}/24", "dev", "wire"),
                          ("addr", "add", f"10.{number}.0.1/16", "dev", "lo")):
                run("ip", "-n", self.space(side), *words)
        return self

    def daemon(self, side, kind, conf="", settings="", plane="user", start=True):
        out = Daemon(self, side, kind, conf, settings)
        self.daemons.append(out)
        return out.start(plane) if start else out

    def stop(self, daemon):
        daemon.stop()
        self.daemons.remove(daemon)

    def __exit__(self, kind, *_):
        if kind is not None:
            for daemon in self.daemons:
                print(f"--- {daemon.side} {daemon.kind}:\n{daemon.tail()}")
        bad = []
        for daemon in self.daemons:
            try:
                daemon.stop()
            except RuntimeError as why:
                bad.append(str(why))
        for side in ("a", "b"):
            run("ip", "netns", "del", self.space(side), check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        if bad and kind is None:
            raise RuntimeError("\n".join(bad))


def gateway(number, more="", child="", name="gw", extra=""):
    """A swanctl.conf of side `number`: connection `name` with the child net."""
    other = 3 - number
    return f"""connections {{
    {name} {{
        version = 2
        local_addrs = 192.0.2.{number}
        remote_addrs = 192.0.2.{other}
        proposals = aes256gcm16-prfsha384-ecp384
        mobike = no
        encap = no
        {more}
        local {{
            auth = psk
            id = g{number}.example
        }}
        remote {{
            auth = psk
            id = g{other}.example
        }}
        children {{
            net {{
                local_ts = 10.{number}.0.0/16
                remote_ts = 10.{other}.0.0/16
                esp_proposals = aes256gcm16
                {child}
            }}
        }}
    }}
}}
secrets {{
    ike-gw {{
        id-1 = g1.example
        id-2 = g2.example
        secret = "only for the tests"
    }}
}}
{extra}
"""
