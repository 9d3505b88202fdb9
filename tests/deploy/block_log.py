"""A disk that remembers: one file on FUSE whose every write and flush is logged, a loop device on it, ext4 on that. The log
is then played up to any point, as the power would have left it."""

from __future__ import annotations

import contextlib
import errno
import random
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mfusepy

Step = tuple[int, bytes] | None  # a write at an offset; None: a flush
SECTOR = 512


class Log(mfusepy.Operations):  # type: ignore[misc]
    """FUSE: one file, `disk`, in memory."""

    use_ns = True

    def __init__(self, content: bytes) -> None:
        self.content, self.steps = bytearray(content), list[Step]()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path == "/disk":
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": len(self.content)}
        raise mfusepy.FuseOSError(errno.ENOENT)

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", "disk"]

    def open(self, path: str, flags: int) -> int:
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self.content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self.steps.append((offset, bytes(data)))
        self.content[offset : offset + len(data)] = data
        return len(data)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self.steps.append(None)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        return 0


@contextlib.contextmanager
def logged(image: Path, folder: Path) -> Iterator[tuple[Path, list[Step]]]:
    """The image's file system, mounted; what happens to its blocks is in the list."""
    log = Log(image.read_bytes())
    fuse, there = folder / "fuse", folder / "logged"
    for made in (fuse, there):
        made.mkdir(exist_ok=True)
    thread = threading.Thread(target=lambda: mfusepy.FUSE(log, str(fuse), foreground=True, nothreads=True), daemon=True)
    thread.start()
    for _ in range(200):
        if (fuse / "disk").exists():
            break
        time.sleep(0.05)
    device = run("losetup", "--show", "-f", str(fuse / "disk"))
    try:
        run("mount", device, str(there))
        try:
            yield there, log.steps
        finally:
            run("umount", str(there))
    finally:
        run("losetup", "-d", device)
        for _ in range(50):  # the kernel lets go of it in its own time
            if subprocess.run(["umount", str(fuse)], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        thread.join(timeout=10)


def images(start: bytes, steps: list[Step], seed: int) -> Iterator[tuple[str, bytes]]:
    """Every state that a cut can leave: after each step all that was written (kill), only what was flushed (drop), and the
    flushed with some sectors of the rest (torn)."""
    dice, flushed, now = random.Random(seed), bytearray(start), bytearray(start)
    loose: list[tuple[int, bytes]] = []
    for number, step in enumerate(steps):
        if step is None:
            flushed[:], loose = now, []
            yield f"{number} flush", bytes(now)
            continue
        offset, data = step
        now[offset : offset + len(data)] = data
        loose.append(step)
        yield f"{number} kill", bytes(now)
        if len(loose) == 1:
            yield f"{number} drop", bytes(flushed)
        torn = bytearray(flushed)
        for at, block in loose:
            for sector in range(0, len(block), SECTOR):
                if dice.random() < 0.5:
                    torn[at + sector : at + sector + SECTOR] = block[sector : sector + SECTOR]
        yield f"{number} torn", bytes(torn)


def flushed(start: bytes, steps: list[Step]) -> bytes:
    """What a card has that loses all that was not flushed."""
    now, last = bytearray(start), max(n for n, step in enumerate(steps) if step is None)
    for step in steps[:last]:
        if step:
            now[step[0] : step[0] + len(step[1])] = step[1]
    return bytes(now)


@contextlib.contextmanager
def mounted(image: Path, there: Path) -> Iterator[bool]:
    """Mounted as a boot does it: fsck where the mount is refused. False where even that does not help."""
    there.mkdir(exist_ok=True)
    well = _mount(image, there)
    if not well:
        subprocess.run(["e2fsck", "-fy", str(image)], capture_output=True)
        well = _mount(image, there)
    try:
        yield well
    finally:
        if well:
            run("umount", str(there))


def _mount(image: Path, there: Path) -> bool:
    return subprocess.run(["mount", "-o", "loop", str(image), str(there)], capture_output=True).returncode == 0


def run(*command: str, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()
