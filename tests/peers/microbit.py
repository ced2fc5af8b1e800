"""MicroPython's own firmware for the BBC micro:bit, on QEMU's: a board that nobody here wrote, at a pseudo-terminal."""

import json
import pathlib
import re
import shutil
import socket
import subprocess

from bench import stop
from conftest import wait_until

FIRMWARE = pathlib.Path("/usr/share/firmware-microbit-micropython/firmware.hex")


class Board:
    """`path` is its port; it can be hung, go on, be reset, and lose its power."""

    def __init__(self, folder):
        qemu = shutil.which("qemu-system-arm")
        assert qemu and FIRMWARE.exists(), "run tests/peers/run, which installs what the peers need"
        words = [qemu, "-M", "microbit", "-device", f"loader,file={FIRMWARE}", "-display", "none", "-monitor", "none"]
        control = folder / "qmp"
        words += ["-serial", "pty", "-qmp", f"unix:{control},server=on,wait=off"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.path = re.search(r"/dev/pts/\d+", self.process.stdout.readline())[0]
        wait_until(control.exists, "QEMU's control socket")
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(str(control))
        self.answers = self.control.makefile()
        self.answers.readline()
        self.tell("qmp_capabilities")

    def tell(self, what):
        """One word to QEMU; its own events come before the answer."""
        self.control.sendall(json.dumps({"execute": what}).encode() + b"\n")
        while "return" not in json.loads(self.answers.readline()):
            pass

    def hang(self):
        self.tell("stop")

    def go_on(self):
        self.tell("cont")

    def reset(self):
        self.tell("system_reset")

    def lose_power(self):
        """The port goes with it."""
        self.process.kill()
        self.process.wait(10)

    def close(self):
        self.control.close()
        stop(self.process)
