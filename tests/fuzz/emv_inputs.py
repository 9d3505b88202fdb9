"""Inputs from outside thrown at every parser of the kernel: only its own errors may come back, soon, in little memory.

`make fuzz INPUTS=10000000` is the full count; its report is docs/fuzz-emv.json. Mutation with a corpus: an input that ends in
a way not seen before (tests/fuzz/corpus.txt keeps these) is mutated further.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from firmware.emv import atr, catalogue, cvm, oda, records, scripts, selection, tags, tlv
from firmware.errors import CardBroken, CardError, ConfigError, MessageError
from firmware.hal.reader import Response
from firmware.host import codec
from firmware.host.fields import unionpay
from hal_mocks.card import scheme
from hal_mocks.card.profile import CVM_OFFLINE_PIN, CVM_PIN_THEN_SIGNATURE, Profile
from hal_mocks.card.soft_card import SoftCard
from tests.emv.bench import OFFLINE_TOO, Direct, Play, begin, play
from tests.fuzz.report import revision

CORPUS = Path(__file__).with_name("corpus.txt")
SPEC = unionpay()
OWN = (CardError, oda.NotAuthentic, oda.Missing, ConfigError, MessageError)
_ISSUER = oda.PublicKey(scheme.ISSUER.modulus, scheme.ISSUER.exponent)
_ICC = oda.PublicKey(scheme.ICC.modulus, scheme.ICC.exponent)
_LONGEST_S = 0.25  # one input, on any machine that is not asleep
Target = Callable[[bytes], object]


def _signed(form: int) -> Target:
    """What was signed is under the fuzzer's control: certificates and signatures with any inside."""

    def run(data: bytes) -> object:
        body = (bytes([form]) + data)[:106].ljust(106, b"\xbb")
        signed = scheme.signed(scheme.ISSUER, body, b"")
        if form == 0x05:
            return oda.dynamic_signature(signed, _ISSUER, b"")
        return oda.certificate(signed, _ISSUER, form, 4 if form == 2 else 10, b"", b"")

    return run


def _session(data: bytes) -> object:
    """A whole payment in which the card's answers are the fuzzer's: byte 0 picks the card, 1 the answer, the rest is it."""
    kind, at, answer = data[0] % len(_CARDS), data[1] % 24 if len(data) > 1 else 0, data[2:]
    soft = SoftCard(_CARDS[kind])
    card = _Lying(soft, at, answer)
    return play(card, soft, Play(OFFLINE_TOO, pins=("1234", "1234", "", "", "", ""))).outcome


_CARDS = [Profile(), Profile(oda="cda", cvm=CVM_PIN_THEN_SIGNATURE, pse=False, limits="0909"),
          Profile(oda="dda", cvm=CVM_OFFLINE_PIN, format_2=True), Profile(oda="sda", external_auth=False)]  # fmt: skip


class _Lying(Direct):
    """True answers, but for one."""

    def __init__(self, soft: SoftCard, at: int, answer: bytes) -> None:
        super().__init__(soft)
        self._left, self._answer = at, answer

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        true = super().transmit(apdu, timeout_s)
        self._left -= 1
        if self._left != -1:
            return true
        if len(self._answer) < 2:
            return Response(b"", 0x9000)
        return Response(self._answer[:-2], int.from_bytes(self._answer[-2:], "big"))


def _f55(data: bytes) -> object:
    list(tlv.read(data))
    _, chip = _READ
    scripts.templates(data, tags.SCRIPT_BEFORE)
    card = Direct(SoftCard())
    chip.scripts = b""
    scripts.run(card, chip, scripts.templates(data, tags.SCRIPT_AFTER), tags.SCRIPT_FAILED_AFTER)
    return len(chip.scripts)


def _catalogue(data: bytes) -> object:
    return len(catalogue.read(data.decode("utf-8", "replace"), "emv.toml").aids)


_READ = begin()
TARGETS: dict[str, tuple[Target, int]] = {  # what it is, and its share of 100
    "TLV": (lambda d: len(list(tlv.flatten(d))), 20),
    "DOL": (lambda d: len(tlv.fill_dol(tlv.dol(d), {})), 17),
    "AFL": (lambda d: len(records.afl_entries(d)), 15),
    "ATR": (atr.is_emv, 15),
    "CVM list": (lambda d: len(cvm.parse(d)[2]), 10),
    "FCI": (lambda d: selection.name_of(selection._fci(d), b"\xa0"), 10),
    "F55 and scripts": (_f55, 4),
    "frame": (lambda d: codec.decode(d, SPEC).mti, 4),
    "signature": (lambda d: oda.recover(d.ljust(112, b"\0")[:112], _ICC, 0x05), 2),
    "issuer certificate": (_signed(0x02), 0.6),
    "ICC certificate": (_signed(0x04), 0.6),
    "dynamic signature": (_signed(0x05), 0.6),
    "catalogue": (_catalogue, 0.6),
    "card answers": (_session, 0.6),
}  # type: ignore[dict-item]
SEEDS: dict[str, list[str]] = {
    "TLV": ["6F1A8407A0000000031010A50F500A56495341204352454449549F1101", "7081047F218104", "9F8181018101", "00" * 9],
    "DOL": ["9F02069F03069F1A0295055F2A029A039C019F3704", "9F38FF", "81"],
    "AFL": ["0801020010010100", "08010100080202011001010018010400"],
    "ATR": ["3B6500005442414B31", "3BE500FF8131FE455442414B3101", "3BF41300FF9101717C4100DEADBEEFE6"],
    "CVM list": ["00000000000000004201440341035E0342031F03"],
    "FCI": ["6F1E8407F054414B450101A513500D54414B454241434B20544553548701018701"],
    "F55 and scripts": ["910A00112233445566773030" + "72179F180400000001860E84240000080011223344556677"],
    "frame": ["600003000061310031000002103020000002800000000000000001303030303130303030303031"],
    "signature": ["00" * 112, "FF" * 112],
    "issuer certificate": ["620000FF12490000010101" + "8001" + "AA" * 80],
    "ICC certificate": ["6200000000000005FFFF12490000020101" + "7001" + "AA" * 80],
    "dynamic signature": ["01260801020304050607088001020304050607080011223344556677889900112233445566778899"],
    "catalogue": [catalogue.write(catalogue.own())[:900].encode().hex()],
    "card answers": [
        "0001" + "6F1A8407A00000000310109000",
        "010C770A9F2701809F360200019000",
        "02056A82",
        "03098080009000",
    ],
}


@dataclass
class Report:
    """What one target did."""

    name: str
    inputs: int = 0
    ways: int = 0  # different ends seen
    longest_ms: int = 0
    findings: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def mutate(dice: random.Random, data: bytes) -> bytes:
    """One to three small changes: flip, set, insert, cut, repeat, or a length that lies."""
    made = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(made) + 1)
        change = dice.randrange(7)
        if change == 0 and made:
            made[at % len(made)] ^= 1 << dice.randrange(8)
        elif change == 1 and made:
            made[at % len(made)] = dice.choice((0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0xFF, 0x9F, 0x1F, 0x70, 0x77))
        elif change == 2:
            made[at:at] = dice.randbytes(dice.randrange(1, 5))
        elif change == 3:
            del made[at : at + dice.randrange(1, 9)]
        elif change == 4:
            made[at:at] = made[at : at + dice.randrange(1, 17)]
        elif change == 5:
            made = made[:at]
        else:
            made += dice.randbytes(dice.randrange(1, 9))
    return bytes(made[:600])


def end_of(target: Target, data: bytes) -> tuple[str, str]:
    """(how it ended, a finding or ''): values and messages without their numbers."""
    try:
        result = target(data)
    except OWN as own:
        return re.sub(r"[0-9A-F]{2,}|\d+", "n", f"{type(own).__name__}: {own}")[:90], ""
    except Exception as foreign:
        return f"!{type(foreign).__name__}", f"{type(foreign).__name__}: {foreign} for {data.hex()}"
    return re.sub(r"[0-9A-F]{2,}|\d+", "n", f"= {result}")[:90] if isinstance(result, str) else f"= {result}", ""


def hunt(name: str, count: int, seed: int, corpus: list[str]) -> Report:
    """One target. Inputs that end in a new way join the pool."""
    target, dice, report = TARGETS[name][0], random.Random(f"{seed} {name}"), Report(name)
    pool = [bytes.fromhex(s) for s in SEEDS[name] + corpus]
    seen: set[str] = set()
    for number in range(count):
        data = pool[number] if number < len(pool) else mutate(dice, pool[dice.randrange(len(pool))])
        began = time.perf_counter()
        end, finding = end_of(target, data or b"\0")
        took = time.perf_counter() - began
        report.longest_ms = max(report.longest_ms, int(took * 1000))
        if took > _LONGEST_S:
            finding = finding or f"{took:.2f} s for {data.hex()}"
        if finding and len(report.findings) < 5:
            report.findings.append(finding)
        if end not in seen and len(pool) < 500:
            seen.add(end)
            pool.append(data)
            report.kept.append(data.hex())
    report.inputs, report.ways = count, len(seen)
    return report


def read_corpus() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in TARGETS}
    for line in CORPUS.read_text(encoding="utf-8").splitlines() if CORPUS.exists() else []:
        name, _, text = line.partition("\t")
        if name in found:
            found[name].append(text)
    return found


def _job(job: tuple[str, int, int, list[str]]) -> tuple[Report, int]:
    report = hunt(*job)
    return report, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(inputs: int, seed: int) -> tuple[list[Report], int]:
    corpus = read_corpus()
    jobs = [(n, max(50, int(inputs * share / 100)), seed, corpus[n]) for n, (_, share) in TARGETS.items()]
    with ProcessPoolExecutor(2) as pool:
        done = list(pool.map(_job, sorted(jobs, key=lambda j: -TARGETS[j[0]][1])))
    return [r for r, _ in done], max(m for _, m in done)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=8583)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--keep", action="store_true", help="write the corpus")
    options = parser.parse_args()
    began = time.monotonic()
    reports, memory = run(options.inputs, options.seed)
    for r in reports:
        print(
            f"{r.name:20} {r.inputs:9,} inputs  {r.ways:4} ends  longest {r.longest_ms:4} ms  {'; '.join(r.findings)}"
        )
    total = sum(r.inputs for r in reports)
    print(f"{total:,} inputs in {time.monotonic() - began:.0f} s, at most {memory} MB")
    if options.keep:
        CORPUS.write_text("".join(f"{r.name}\t{k}\n" for r in reports for k in r.kept[:120]), encoding="utf-8")
    if options.out:
        text = {"inputs": total, "seed": options.seed, "revision": revision(), "memory_mb": memory,
                "targets": {r.name: {"inputs": r.inputs, "ends": r.ways, "longest_ms": r.longest_ms} for r in reports},
                "findings": sum(len(r.findings) for r in reports)}  # fmt: skip
        options.out.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
    assert CardBroken in CardError.__subclasses__()
    return 1 if any(r.findings for r in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
