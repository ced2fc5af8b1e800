"""What several tests of foreign devices need: a line whose bytes are kept, a rig copied to another port, a run's signals."""

import io
import os
import pathlib
import pty
import select
import shutil
import socket
import subprocess
import threading
import tty

from conftest import run_folder
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

HERE = pathlib.Path(__file__).parent


class Line:
    """Two pseudo-terminals end to end, as a cable between two ports. What goes over it is kept: `heard[0]` is what came out of
    the port `paths[0]`, so what was written into the port `paths[1]`."""

    def __init__(self):
        self.ends = [pty.openpty() for _ in range(2)]
        for end in self.ends:
            for handle in end:
                tty.setraw(handle)
        self.paths = [os.ttyname(slave) for _, slave in self.ends]
        self.heard = [b"", b""]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self):
        masters = [master for master, _ in self.ends]
        while not self.stop.is_set():
            for master in select.select(masters, [], [], 0.1)[0]:
                data = os.read(master, 4096)
                other = 1 - masters.index(master)
                self.heard[other] += data
                os.write(masters[other], data)

    def close(self):
        self.stop.set()
        self.thread.join()
        for end in self.ends:
            for handle in end:
                os.close(handle)


def copy_rig(name, folder, port):
    """Copies the rig `tests/peers/NAME` with its scenarios into a folder, and puts another port in place of its own."""
    rig = folder / "rigs" / name
    shutil.copytree(HERE / name, rig)
    text = (rig / "rig.yaml").read_text()
    before, after = text.split("serial: ", 1)
    assert "serial: " not in after, "one port to a rig"
    (rig / "rig.yaml").write_text(f"{before}serial: {port}{after[after.index(','):]}")
    return rig


def signals_of(runs):
    """Signal name -> its values in their order, from the recording of the one run under a folder."""
    data = (run_folder(runs) / "recording.mcap").read_bytes()
    reader = make_reader(io.BytesIO(data), validate_crcs=True, decoder_factories=[DecoderFactory()])
    fields, values = {}, {}
    for _, channel, _, message in reader.iter_decoded_messages():
        if message.DESCRIPTOR.full_name == "checkrein.v1.Head":
            fields = {one.topic: one.fields for one in message.signal_channels}
            values = {field.signal_name: [] for one in message.signal_channels for field in one.fields}
        for field in fields.get(channel.topic, ()):
            if message.HasField(field.name):
                values[field.signal_name].append(getattr(message, field.name))
    return values


def stop(process):
    """Ends a process of ours and waits for it."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


class Bridge:
    """Carries bytes between a file handle and UDP on the loopback; `port` is where a peer may send to."""

    def __init__(self, handle, peer=None):
        self.handle, self.peer = handle, peer and ("127.0.0.1", peer)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self):
        while not self.stop.is_set():
            readable, _, _ = select.select([self.handle, self.socket], [], [], 0.1)
            if self.socket in readable:
                data, self.peer = self.socket.recvfrom(65536)
                os.write(self.handle, data)
            if self.handle in readable:
                data = os.read(self.handle, 4096)
                if self.peer:
                    self.socket.sendto(data, self.peer)

    def close(self):
        self.stop.set()
        self.thread.join()
        self.socket.close()
