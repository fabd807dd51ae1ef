#!/usr/bin/env python3
"""The structure checks can fail: each is shown a bad sample and must find it, and a good one and must not."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import headers
import rooms
import symbols
import words


class Sample(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="culvert-structure-")
        self.root = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def findings(self, name, text):
        self.write(name, text)
        return list(rooms.check(self.root))


class Rooms(Sample):
    def refused(self, name, text, word):
        found = self.findings(name, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(word, found[0])

    def test_takes_what_the_table_allows(self):
        self.assertEqual(self.findings("src/ike/v2/a.cpp", '#include <vector>\n#include "ike/wire/m.hpp"\n'), [])

    def test_ike_does_not_know_ipsec(self):
        self.refused("src/ike/v2/a.cpp", '#include "ipsec/sad.hpp"\n', "may not include")

    def test_ipsec_does_not_know_ike(self):
        self.refused("src/ipsec/a.hpp", '#include "ike/engine.hpp"\n', "may not include")

    def test_a_lower_room_does_not_look_up(self):
        self.refused("src/config/a.cpp", '#include "daemon/loop.hpp"\n', "may not include")

    def test_the_versions_do_not_know_each_other(self):
        self.refused("src/ike/v1/a.cpp", '#include "ike/v2/sa.hpp"\n', "may not include")

    def test_no_sockets_threads_files_in_the_core(self):
        for header in ("sys/socket.h", "netinet/in.h", "unistd.h", "thread", "mutex", "fstream", "iostream", "ctime"):
            with self.subTest(header):
                self.refused("src/ike/a.cpp", f"#include <{header}>\n", header)

    def test_no_clock_in_the_core(self):
        self.refused("src/ipsec/a.cpp", "auto t = std::chrono::steady_clock::now();\n", "steady_clock")

    def test_no_library_shows_in_a_header(self):
        for header in ("openssl/evp.h", "intel-ipsec-mb.h", "asio.hpp", "spdlog/spdlog.h", "netlink/netlink.h"):
            with self.subTest(header):
                self.refused("src/daemon/a.hpp", f"#include <{header}>\n", "must not show")

    def test_openssl_stays_behind_crypto(self):
        self.refused("src/plane/user/a.cpp", "#include <openssl/evp.h>\n", "use crypto/")

    def test_an_unknown_room_is_refused(self):
        self.refused("src/utils/a.cpp", "int a;\n", "no room")


class Symbols(Sample):
    def found(self, body):
        source = self.write("a.cpp", body)
        subprocess.run(["g++", "-std=c++23", "-O1", "-c", source, "-o", self.root / "a.o"], check=True)
        subprocess.run(["ar", "rcs", self.root / "liba.a", self.root / "a.o"], check=True)
        return list(symbols.check([str(self.root / "liba.a")]))

    def test_finds_each_kind(self):
        samples = {
            "sockets": "#include <sys/socket.h>\nint f() { return socket(1, 2, 3); }\n",
            "files": "#include <cstdio>\nFILE* f() { return std::fopen(\"a\", \"r\"); }\n",
            "clocks": "#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }\n",
            "threads": "#include <mutex>\nstd::mutex m; void f() { m.lock(); }\n",
            "randomness": "#include <sys/random.h>\nauto f(char* p) { return getrandom(p, 4, 0); }\n",
            "environment": "#include <cstdlib>\nauto f() { return std::getenv(\"A\"); }\n",
        }
        for kind, body in samples.items():
            with self.subTest(kind):
                found = self.found(body)
                self.assertTrue(found and kind in found[0], found)

    def test_takes_pure_code(self):
        self.assertEqual(self.found("#include <vector>\nint f(std::vector<int>& v) { v.push_back(1); return v[0]; }\n"), [])


class Others(Sample):
    def test_a_header_that_leans_on_another_is_found(self):
        self.write("src/base/good.hpp", "#pragma once\n#include <string>\ninline std::string good() { return {}; }\n")
        self.write("src/base/bad.hpp", "#pragma once\ninline std::string bad() { return {}; }\n")
        found = list(headers.check(self.root, None, 1))
        self.assertEqual(len(found), 1, found)
        self.assertIn("bad.hpp", found[0])

    def test_words(self):
        self.write("a.md", "fine\nsee /" + "work/main\n")
        self.write("src/base/b.cpp", "// TO" + "DO later\n")
        self.write("src/base/long.cpp", "\n" * 401)
        found = list(words.check(self.root))
        self.assertEqual(sorted(f[0] for f in found), ["error", "error", "note"], found)


if __name__ == "__main__":
    unittest.main()
