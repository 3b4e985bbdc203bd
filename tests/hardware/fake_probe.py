"""A debug probe for pyOCD with a simulated chip behind it: an Arm debug port, one memory access port, memory.

pyOCD's own code does all the rest: it powers the port up, reads the ROM table, finds a Cortex-M4, halts and
resets it and writes memory. The chip has RAM only, as pyOCD's target mps3_an540 says; flash algorithms are
not simulated.
"""

from __future__ import annotations

import struct

from pyocd.core.exceptions import TransferError
from pyocd.core.memory_interface import MemoryInterface
from pyocd.probe.debug_probe import DebugProbe

_ROM_TABLE, _SCS, _CPUID = 0xE00FF000, 0xE000E000, 0xE000ED00
_AIRCR, _DHCSR = 0xE000ED0C, 0xE000EDF0
_ACCESS_PORT = {0xFC: 0x24770011, 0xF8: _ROM_TABLE | 3, 0xF4: 0, 0x00: 0x23000040}
_HALTED, _READY, _RESET = 1 << 17, 1 << 16, 1 << 25


class Memory(MemoryInterface):
    """The chip's address space; words that pyOCD expects of a core are there from the start."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}
        self.resets = 0
        self.stuck: set[int] = set()  # addresses that do not take what is written
        self._halt, self._was_reset = False, False
        self._word(_ROM_TABLE, (_SCS - _ROM_TABLE | 3) & 0xFFFFFFFF)
        self._identify(_ROM_TABLE, 0x1, 0x4C4)
        self._identify(_SCS, 0xE, 0x00C)
        self._word(_CPUID, 0x410FC241)

    def _word(self, address: int, value: int) -> None:
        self.bytes.update(enumerate(struct.pack("<I", value), address))

    def _identify(self, component: int, kind: int, part: int) -> None:
        """The registers by which a CoreSight component of Arm's is known."""
        peripheral = [4, 0, 0, 0, part & 0xFF, 0xB0 | part >> 8, 0x0B, 0]
        for index, value in enumerate([*peripheral, 0x0D, kind << 4, 0x05, 0xB1]):
            self._word(component + 0xFD0 + 4 * index, value)

    def read_memory(self, addr, transfer_size=32, now=True, **attributes):
        if addr == _DHCSR:
            value = _READY | (_HALTED if self._halt else 0) | (_RESET if self._was_reset else 0)
            self._was_reset = False
        else:
            data = bytes(self.bytes.get(addr + i, 0) for i in range(transfer_size // 8))
            value = int.from_bytes(data, "little")
        return value if now else lambda: value

    def write_memory(self, addr, data, transfer_size=32, **attributes):
        if addr == _DHCSR:
            self._halt = bool(data & 2)
            return
        if addr == _AIRCR and data & 4:
            self.resets, self._was_reset = self.resets + 1, True
            return
        for i, byte in enumerate(data.to_bytes(transfer_size // 8, "little")):
            if addr + i not in self.stuck:
                self.bytes[addr + i] = byte

    def read_memory_block32(self, addr, size, **attributes):
        return [self.read_memory(addr + 4 * i) for i in range(size)]

    def write_memory_block32(self, addr, data, **attributes):
        for i, word in enumerate(data):
            self.write_memory(addr + 4 * i, word)

    def read_memory_block8(self, addr, size, **attributes):
        return [self.bytes.get(addr + i, 0) for i in range(size)]

    def write_memory_block8(self, addr, data, **attributes):
        for i, byte in enumerate(data):
            self.write_memory(addr + i, byte, 8)


class FakeProbe(DebugProbe):
    """What pyOCD talks to. `present` is what is plugged in; a powerless chip answers nothing."""

    present: list[FakeProbe] = []  # noqa: RUF012 - of the class, as a USB bus is

    def __init__(self, unique_id: str, powered: bool = True) -> None:
        super().__init__()
        self._id, self._powered, self._open = unique_id, powered, False
        self._control = 0
        self.memory = Memory()

    @classmethod
    def get_all_connected_probes(cls, unique_id=None, is_explicit=False):
        return list(cls.present)

    @classmethod
    def get_probe_with_id(cls, unique_id, is_explicit=False):
        return next((probe for probe in cls.present if probe._id == unique_id), None)

    vendor_name, product_name = "tinyml", "test probe"
    description = "tinyml test probe"
    supported_wire_protocols = (DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD)
    wire_protocol = DebugProbe.Protocol.SWD
    capabilities = {DebugProbe.Capability.MANAGED_AP_SELECTION}  # noqa: RUF012

    @property
    def unique_id(self):
        return self._id

    @property
    def is_open(self):
        return self._open

    def open(self):
        self._open = True

    def close(self):
        self._open = False

    def connect(self, protocol=None):
        pass

    def disconnect(self):
        pass

    def swj_sequence(self, length, bits):
        pass

    def set_clock(self, frequency):
        pass

    def assert_reset(self, asserted):
        pass

    def is_reset_asserted(self):
        return False

    def read_dp(self, addr, now=True):
        if not self._powered:
            raise TransferError("no answer from the chip")
        acknowledged = self._control | (self._control & 0x50000000) << 1
        value = {0x0: 0x2BA01477, 0x4: acknowledged}.get(addr, 0)
        return value if now else lambda: value

    def write_dp(self, addr, data):
        if addr == 0x4:
            self._control = data & 0x5FFFFFFF

    def read_ap(self, addr, now=True):
        port, register = addr >> 24, addr & 0xFF
        value = _ACCESS_PORT.get(register, 0) if port == 0 else 0
        return value if now else lambda: value

    def write_ap(self, addr, data):
        pass

    def get_memory_interface_for_ap(self, ap_address):
        return self.memory
