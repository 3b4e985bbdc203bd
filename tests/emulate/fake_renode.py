"""Stands in for Renode where it is not installed: takes its scripts, and answers as a real one did.

It knows only the commands that a real Renode 1.16.1 has been seen to take, errors end with status 0 as there,
and QEMU executes the ELF, on the machine with the memories and UART of the platform's description.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

HEADLESS = ["--disable-xwt", "--console", "--plain", "--hide-log"]
MACHINES = {
    "cortex-m0+": ("mps2-an385", "cortex-m3"),
    "cortex-m3": ("mps2-an385", "cortex-m3"),
    "cortex-m4f": ("mps2-an386", "cortex-m4"),
    "cortex-m7": ("mps2-an500", "cortex-m7"),
}
NO_METHOD = """
The following methods are available:
 - Void LoadELF (ReadFilePath fileName, Boolean useVirtualAddress = False, IPeripheral cpu = null)

Usage:
 sysbus MethodName param1 param2 ...

There was an error executing command '{command}'
Parameters did not match the signature"""
NO_FILE = "There was an error executing command '{command}'\nCould not find file '{path}'."


class RefusedError(Exception):
    """What the monitor says of a line that failed."""


class Machine:
    def __init__(self, script: Path) -> None:
        self.folder = script.parent
        self.cpu = self.uart_file = self.elf = None
        self.peripherals: set[str] = set()
        self.server: socket.socket | None = None

    def path(self, text: str, refusal: str, command: str) -> Path:
        found = Path(text.replace("$ORIGIN", str(self.folder)).lstrip("@"))
        if not found.is_file():
            shown = command.replace("$ORIGIN", f"@{self.folder}")
            raise RefusedError(refusal.format(command=shown, path=found))
        return found

    def execute(self, command: str) -> str | None:
        """One line of a script; what it prints."""
        words = command.split()
        if words[0].startswith("sysbus.") and words[0] not in self.peripherals:
            raise RefusedError(f"No such command or device: {words[0]}")
        for pattern, action in COMMANDS.items():
            if re.fullmatch(pattern, command):
                return action(self, words, command)
        raise SystemExit(f"fake_renode.py: a command that nobody has seen Renode take: {command}")

    def load_platform(self, words: list[str], command: str) -> None:
        text = self.path(words[2], NO_FILE, command).read_text()
        self.cpu = re.search(r'cpuType: "([^"]+)"', text)[1]
        names = re.findall(r"^(\w+): \S+ @ sysbus", text, re.MULTILINE)
        self.peripherals = {f"sysbus.{name}" for name in names}

    def load_elf(self, words: list[str], command: str) -> None:
        self.elf = self.path(words[2], NO_METHOD, command)

    def to_file(self, words: list[str], command: str) -> None:
        self.uart_file = Path(words[2].replace("$ORIGIN", str(self.folder)))

    def serve(self, words: list[str], command: str) -> None:
        self.server = socket.create_server(("127.0.0.1", int(words[2])))

    def qemu(self, **streams: object) -> subprocess.Popen[bytes]:
        board, cpu = MACHINES[self.cpu]
        line = [shutil.which("qemu-system-arm"), "-M", board, "-cpu", cpu]
        line += ["-display", "none", "-monitor", "none"]
        line += ["-serial", "stdio", "-kernel", str(self.elf)]
        return subprocess.Popen(line, stderr=subprocess.DEVNULL, **streams)

    def start(self, words: list[str], command: str) -> None:
        link, _ = self.server.accept()
        self.running = self.qemu(stdin=link, stdout=link)
        link.close()

    def run_for(self, words: list[str], command: str) -> None:
        with self.uart_file.open("wb") as out:
            child = self.qemu(stdin=subprocess.DEVNULL, stdout=out)
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def nothing(self, words: list[str], command: str) -> None:
        pass

    def executed(self, words: list[str], command: str) -> str:
        return "0x0000000000000ACA"


COMMANDS = {
    r'mach create "\w+"': Machine.nothing,
    r"machine LoadPlatformDescription (@|\$ORIGIN/)\S+": Machine.load_platform,
    r"sysbus LoadELF (@|\$ORIGIN/)\S+": Machine.load_elf,
    r"sysbus\.cpu VectorTableOffset 0x[0-9A-F]{8}": Machine.nothing,
    r"emulation SetGlobalAdvanceImmediately true": Machine.nothing,
    r'emulation CreateServerSocketTerminal \d+ "term" false': Machine.serve,
    r"connector Connect sysbus\.\w+ term": Machine.nothing,
    r"sysbus\.\w+ CreateFileBackend \$ORIGIN/uart.txt true": Machine.to_file,
    r'emulation RunFor "\d+"': Machine.run_for,
    r"sysbus\.cpu ExecutedInstructions": Machine.executed,
    r"start": Machine.start,
}


def main(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print("Renode, version 1.16.1 (fake)")
        return 0
    assert arguments[:-1] == HEADLESS, arguments
    script = Path(arguments[-1])
    machine = Machine(script)
    print(
        "\rRenode, version 1.16.1 (v1.16.1-local-mono-headless)\n\n\r(monitor) i $CWD/"
        + script.name
    )
    try:
        for line in script.read_text().splitlines():
            if line == "quit":
                print("\rRenode is quitting", flush=True)
                return 0
            if line and not line.startswith("#"):
                said = machine.execute(line)
                if said:
                    print(said, flush=True)
    except RefusedError as error:
        print(f"{error}\n\r(board) ", end="", flush=True)
    for line in sys.stdin:  # the monitor's prompt
        if line.strip() == "quit":
            break
    if hasattr(machine, "running"):
        machine.running.kill()
        machine.running.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
