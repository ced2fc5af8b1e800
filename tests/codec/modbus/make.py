"""Writes pymodbus.txt: what pymodbus asks as a client, and what it answers as a device; one frame per line, in hexadecimal.

    pip install pymodbus==3.16.1 pyserial==3.5 && python make.py > pymodbus.txt
"""

import asyncio
import os
import pty
import select
import threading
import tty

from pymodbus.client import AsyncModbusSerialClient
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

ends = [pty.openpty() for _ in range(2)]
for end in ends:
    for handle in end:
        tty.setraw(handle)
paths = [os.ttyname(slave) for _, slave in ends]


def carry():
    masters = [master for master, _ in ends]
    while True:
        for master in select.select(masters, [], [])[0]:
            os.write(masters[1 - masters.index(master)], os.read(master, 4096))


threading.Thread(target=carry, daemon=True).start()


def trace(sending, data):
    if data:
        print("<" if sending else ">", data.hex())
    return data


async def main():
    bits = [place % 3 == 0 for place in range(20)]
    registers = [1000 + 7 * place for place in range(12)]
    device = SimDevice(
        1,
        simdata=(
            [SimData(0, values=bits, datatype=DataType.BITS)],
            [SimData(0, values=bits, datatype=DataType.BITS)],
            [SimData(0, values=registers, datatype=DataType.REGISTERS)],
            [SimData(0, values=registers, datatype=DataType.REGISTERS)],
        ),
    )
    server = ModbusSerialServer(device, port=paths[0], baudrate=19200, trace_packet=trace)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.5)
    client = AsyncModbusSerialClient(paths[1], baudrate=19200, timeout=2)
    await client.connect()
    await client.read_coils(1, count=11, device_id=1)
    await client.read_discrete_inputs(3, count=8, device_id=1)
    await client.read_holding_registers(2, count=5, device_id=1)
    await client.read_input_registers(0, count=1, device_id=1)
    await client.write_coil(1, True, device_id=1)
    await client.write_coil(3, False, device_id=1)
    await client.write_register(4, 0xBEEF, device_id=1)
    await client.write_coils(5, [True, True, False, True, False, True, True, True, True], device_id=1)
    await client.write_registers(6, [1, 0xFFFF, 0x8000], device_id=1)
    await client.read_coils(0, count=20, device_id=1)
    await client.read_holding_registers(0, count=12, device_id=1)
    await client.read_holding_registers(60000, count=1, device_id=1)
    await client.write_register(60000, 1, device_id=1)
    await client.write_registers(11, [1, 2], device_id=1)
    client.close()
    await server.shutdown()
    serving.cancel()


asyncio.run(main())
