"""Every real board's demo, unchanged, on Unicorn's model of its core, with registers that only record.

Nothing here knows what a peripheral does but the bits that say "ready"; what the firmware writes to which
register, in which order, and what comes out of the UART is compared with the board's file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from test_boards import REAL, export, make

from tinyml import targets
from tinyml.targets import Target

unicorn = pytest.importorskip("unicorn")
arm = pytest.importorskip("unicorn.arm_const")

_MODELS = {
    "cortex-m0plus": "UC_CPU_ARM_CORTEX_M0",
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
}
# Driver -> offsets of what is sent and of what says ready, with its value
_UARTS = {
    "stm32_v1": (0x04, 0x00, 0xC0),
    "stm32_v2": (0x28, 0x1C, 0xC0),
    "nrf": (0x51C, 0x11C, 1),
    "pl011": (0x00, 0x18, 0x10),
}
# (first address, bytes) of peripherals, and of the processor's own registers
_PERIPHERALS = [(0x18000000, 0x1000), (0x40000000, 0x10000000), (0x50000000, 0x10000000)]
_PRIVATE = (0xE0000000, 0x100000)
_IN_RESET = 0x01FFFFFF  # RP2040's RESETS.RESET after a reset
_LAST = b"again.\r\n"


@dataclass
class Board:
    """A core with memories, and registers that keep what is written."""

    target: Target
    values: dict[int, int] = field(default_factory=dict)
    writes: list[tuple[int, int]] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)

    def run(self, elf: Path) -> None:
        """From reset until the demo waits for a key."""
        core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        core.ctl_set_cpu_model(getattr(arm, _MODELS[self.target.core]))
        for memory in (self.target.flash, self.target.ram):
            core.mem_map(memory.origin, memory.bytes)
        for first, size in _PERIPHERALS:
            core.mmio_map(first, size, self._read, first, self._write, first)
        core.mem_map(*_PRIVATE)
        core.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._private, None, _PRIVATE[0], sum(_PRIVATE))
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            for segment in file.iter_segments():
                if segment["p_filesz"]:
                    core.mem_write(segment["p_paddr"], segment.data())
            vectors = file.get_section_by_name(".vectors").data()
        stack, start = struct.unpack_from("<II", vectors)
        if (
            self.target.boot
        ):  # the boot ROM copies the first 256 bytes to the end of RAM and calls them
            copy = self.target.ram.origin + self.target.ram.bytes - 256
            core.mem_write(copy, bytes(core.mem_read(self.target.flash.origin, 256)))
            stack, start = 0, copy | 1
        core.reg_write(arm.UC_ARM_REG_SP, stack)
        core.emu_start(start, 0xFFFFFFFF, timeout=120_000_000)

    def _read(self, core: object, offset: int, size: int, first: int) -> int:
        address = first + offset
        _, ready, value = _UARTS[self.target.uart.driver]
        if address == self.target.uart.base + ready:
            return value
        for step in self.target.setup:
            if step.wait is not None and step.address == address:
                return step.wait
        return self.values.get(address, _IN_RESET if self.target.boot else 0)

    def _write(self, core: object, offset: int, size: int, value: int, first: int) -> None:
        address = first + offset
        self.values[address] = value
        if address != self.target.uart.base + _UARTS[self.target.uart.driver][0]:
            self.writes.append((address, value))
            return
        self.sent.append(value & 0xFF)
        if self.sent.endswith(_LAST):
            core.emu_stop()  # type: ignore[attr-defined]

    def _private(
        self, core: object, access: int, address: int, size: int, value: int, _: object
    ) -> None:
        self.writes.append((address, value))


@pytest.mark.parametrize("name", REAL)
def test_a_board_does_what_its_file_says(tmp_path: Path, name: str) -> None:
    target = targets.find(name)
    directory = export(tmp_path / "project", target)
    assert make(directory, "demo").returncode == 0
    board = Board(target)
    board.run(directory / "build/demo.elf")
    said = board.sent.decode()
    assert f"small on {name}, a built-in input" in said
    assert "PASS: every byte as at export" in said
    check_setup(board)
    check_baud_rate(board)


def check_setup(board: Board) -> None:
    """The steps are there in their order, each with its bits, before the UART is touched."""
    steps = [step for step in board.target.setup if step.wait is None]
    wanted = [step.address for step in steps]
    found = [(address, value) for address, value in board.writes if address in wanted]
    if board.target.boot:  # which sets the vector table, too
        assert (0xE000ED08, board.target.flash.origin + 256) in board.writes
    assert [address for address, _ in found] == wanted
    for (_, value), step in zip(found, steps):
        if step.write is not None:
            assert value == step.write
        else:
            assert value & step.set == step.set
            assert value & step.clear & ~step.set == 0
    base = board.target.uart.base
    uart = next(i for i, (address, _) in enumerate(board.writes) if base <= address < base + 0x1000)
    assert all(board.writes.index(pair) < uart for pair in found)


def check_baud_rate(board: Board) -> None:
    """Two percent is what a receiver bears."""
    uart, registers = board.target.uart, board.values
    clock, baud = uart.settings["clock_hz"], uart.settings["baud"]
    if uart.driver == "nrf":
        assert registers[uart.base + 0x524] == 0x01D7E000  # what Nordic's headers have for 115,200
        assert registers[uart.base + 0x50C] == uart.settings["tx_pin"]
        assert registers[uart.base + 0x514] == uart.settings["rx_pin"]
        return
    if uart.driver == "pl011":
        divider = 16 * (registers[uart.base + 0x24] + registers[uart.base + 0x28] / 64)
    else:
        offset = {"stm32_v1": 0x08, "stm32_v2": 0x0C}[uart.driver]
        divider = registers[uart.base + offset] / uart.settings.get("divider_scale", 1)
    assert abs(clock / divider / baud - 1) < 0.02
