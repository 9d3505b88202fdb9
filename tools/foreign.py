"""Run a command in a namespace of its own whose binfmt_misc knows aarch64 programs (kernels from 6.7; needs root).

    python3 tools/foreign.py COMMAND …

User ids stay what they are, so that a Debian root can be made and entered; nothing is registered on the machine.
"""

from __future__ import annotations

import ctypes
import os
import sys

NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000  # users, mounts, process ids
MAGIC = (
    rb":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:"
    rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:OCF"
)
CPU = "cortex-a72"  # a Pi 4's; later ones sign their pointers, which is slow to emulate
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def waited(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def inside(command: list[str]) -> None:
    """The first process of the namespace. Never returns."""
    checked(LIBC.mount(b"none", b"/", None, 0x44000, None), "private mounts")  # MS_REC | MS_PRIVATE
    checked(LIBC.mount(b"proc", b"/proc", b"proc", 0, None), "proc")
    checked(LIBC.mount(b"binfmt", b"/proc/sys/fs/binfmt_misc", b"binfmt_misc", 0, None), "binfmt_misc")
    with open("/proc/sys/fs/binfmt_misc/register", "wb", buffering=0) as register:
        register.write(MAGIC)
    os.environ.setdefault("QEMU_CPU", CPU)
    os.execvp(command[0], command)


def main(command: list[str]) -> int:
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        checked(LIBC.unshare(NEW_NAMESPACES), "unshare")
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os.setgid(0)
        os.setuid(0)
        first = os.fork()
        if first == 0:
            inside(command)
        os._exit(waited(first))
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{name}", "w", encoding="ascii") as table:
            table.write("0 0 65536\n")
    os.write(go[1], b"x")
    return waited(child)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
