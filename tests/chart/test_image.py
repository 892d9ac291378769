"""The image that needs no registry: what is in it, how large it is, and that the program runs in nothing else."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import helm

MEGABYTES_MAX = 60
BINARY = os.environ.get("SELF_TRADER_BINARY", "")


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not BINARY:
            raise unittest.SkipTest("SELF_TRADER_BINARY names no program")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        # A debug build is not what is shipped: its symbols would count.
        stripped = pathlib.Path(cls.folder.name) / "self-trader"
        subprocess.run(["strip", "-o", stripped, BINARY], check=True)
        cls.context = pathlib.Path(cls.folder.name) / "context"
        words = [helm.ROOT / "scripts/image", "--context", cls.context, "--binary", stripped]
        cls.said = subprocess.run(words, check=True, capture_output=True, text=True).stderr
        cls.root = cls.context / "root"
        cls.files = [path for path in cls.root.rglob("*") if path.is_file()]

    def test_it_is_small(self):
        size = sum(path.stat().st_size for path in self.files)
        self.assertLess(size, MEGABYTES_MAX * 1_000_000)

    def test_it_holds_the_program_and_what_it_needs_alone(self):
        names = {path.name for path in self.files}
        self.assertLessEqual({"self-trader", "ca-certificates.crt", "libc.so.6"}, names)
        programs = [path for path in self.files if path.parent.name in ("bin", "sbin")]
        self.assertEqual([path.name for path in programs], ["self-trader"])
        self.assertFalse(any(path.is_symlink() for path in self.root.rglob("*")))

    def test_a_build_for_tests_is_told_by_every_point_that_it_has(self):
        source = (helm.ROOT / "src/failpoint.rs").read_text()
        block = re.search(r"^pub const POINTS.*?^\];", source, re.MULTILINE | re.DOTALL)
        points = re.findall(r'^    "([a-z_]+)",$', block[0], re.MULTILINE)
        self.assertEqual(len(points), 18)
        told = [line for line in self.said.splitlines() if "is a build for tests" in line]
        if not pathlib.Path(BINARY).parent.name == "debug":
            self.assertEqual(told, [])
            return
        for name in [*points, "SELF_TRADER_FAILPOINT", "SELF_TRADER_POISON", "SELF_TRADER_BREAK"]:
            self.assertIn(f" {name}", told[0])

    def test_nobody_is_root_and_nothing_is_fetched(self):
        dockerfile = (self.context / "Dockerfile").read_text()
        self.assertTrue(dockerfile.startswith("FROM scratch\n"))
        self.assertIn("\nUSER 65532:65532\n", dockerfile)
        self.assertIn('\nENTRYPOINT ["/usr/bin/self-trader"]', dockerfile)
        self.assertNotIn("--from", dockerfile)

    def test_the_program_runs_in_it(self):
        if os.geteuid() != 0:
            self.skipTest("chroot wants root")
        words = ["chroot", "--userspec=65532:65532", self.root, "/usr/bin/self-trader", "--version"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertIn("self-trader", done.stdout, done.stderr)

    def test_a_folder_with_something_in_it_is_refused(self):
        words = [helm.ROOT / "scripts/image", "--context", self.context, "--binary", BINARY]
        done = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("is not empty", done.stderr)


if __name__ == "__main__":
    unittest.main()
