"""Writes what MicroPython's prompt says on a micro:bit under QEMU, each line of ours sent when its prompt is there.

    apt-get install qemu-system-arm firmware-microbit-micropython; pip install pyserial
    python3 make_micropython.py micropython.repl
"""

import re
import subprocess
import sys

import serial

# Short: its line of 64 bytes loses what comes faster than it reads.
LINES = [
    "display.set_pixel(2,2,7); print('OK')",
    "print('LAMP',display.get_pixel(2,2),'%x'%40961)",
    "display.set_pixel(2,2,99)",
]
FIRMWARE = "/usr/share/firmware-microbit-micropython/firmware.hex"
board = subprocess.Popen(
    ["qemu-system-arm", "-M", "microbit", "-device", f"loader,file={FIRMWARE}", "-display", "none", "-monitor", "none"]
    + ["-serial", "pty"],
    stdout=subprocess.PIPE,
    text=True,
)
try:
    port = None
    while port is None:
        port = re.search(r"/dev/pts/\d+", board.stdout.readline())
    with serial.Serial(port[0], 115200, timeout=10) as line, open(sys.argv[1], "wb") as out:
        # Its banner may come by itself, and the empty line may be lost: QEMU looks for a reader once a second.
        line.timeout = 2
        line.write(b"\r")
        out.write(line.read(4096))
        for text in LINES:
            line.write(text.encode() + b"\r")
            out.write(line.read_until(b">>> "))
finally:
    board.kill()
