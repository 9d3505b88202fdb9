"""Would the tests of kernel and keys notice? One line of it is changed at a time, in a copy, and they must turn red."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
E = "firmware/emv/"
# file, the line as it is, the fault
FAULTS = [
    (E + "oda.py", "    if plain[0] != 0x6A or plain[-1] != 0xBC or plain[1] != form:", "    if plain[1] != form:"),
    (E + "oda.py", "    if hashlib.sha1(plain[1:-21] + more).digest() != plain[-21:-1]:", "    if False:"),
    (E + "oda.py", '    if expired(found.expires, chip.today):\n        raise NotAuthentic("the issuer', '    if False:\n        raise NotAuthentic("the issuer'),
    (E + "oda.py", "    if (authority.rid, authority.index, found.serial) in chip.settings.revoked:", "    if False:"),
    (E + "oda.py", "    if rest[9:29] != around:", "    if False:"),
    (E + "oda.py", "    if rest[0] != cid:", "    if False:"),
    (E + "oda.py", "    return chip.static + (chip.need(tags.AIP) if names else b\"\")", "    return chip.static"),
    (E + "records.py", "        if tag in taken:", "        if False:"),
    (E + "records.py", "    chip.static += body if sfi <= 10 else record", "    chip.static += body"),
    (E + "records.py", "            if count > _RECORDS_MAX:", "            if False:"),
    (E + "selection.py", "    if found.get(tags.DF_NAME) != candidate.aid:", "    if False:"),
    (E + "selection.py", "    return sorted((c for c in found if once[c.aid] is c), key=lambda c: c.priority)", "    return found"),
    (E + "restrictions.py", "    if _comparable(expiry) < _comparable(today):", "    if _comparable(expiry) <= _comparable(today):"),
    (E + "restrictions.py", '        return goods_or_services and bool(auc[1] & (0x80 if domestic else 0x40))', "        return goods_or_services"),
    (E + "risk.py", "    if chip.amount + spent >= floor:", "    if chip.amount >= floor:"),
    (E + "risk.py", "    if now - last > lower:", "    if now - last >= lower:"),
    (E + "risk.py", "    if last == 0:", "    if False:"),
    (E + "cvm.py", "            if self._rule.code & 0x3F == _FAIL:", "            if False:"),
    (E + "cvm.py", "        if not self._rule.goes_on:\n            self._fail()\n\n    def succeeded", "        self._fail()\n\n    def succeeded"),
    (E + "cvm.py", "        unknown = method is Method.ONLINE_PIN or method in SIGNED", "        unknown = method is Method.ONLINE_PIN"),
    (E + "action_analysis.py", "    return any(t & (i | a) for t, i, a in zip(chip.tvr, issuer, acquirer, strict=True))", "    return any(t & i for t, i, a in zip(chip.tvr, issuer, acquirer, strict=True))"),
    (E + "action_analysis.py", '_ZEROS, _ONES = bytes(5), b"\\xff" * 5', '_ZEROS, _ONES = bytes(5), bytes(5)'),
    (E + "cryptogram.py", "    if kind is None or _STRENGTH[kind] > _STRENGTH[asked.name]:", "    if kind is None:"),
    (E + "cryptogram.py", "    return _generate(card, chip, asked, data, data, chip.cda and approve)", "    return _generate(card, chip, asked, data, data, False)"),
    (E + "cryptogram.py", "    if answer.sw != apdu.OK:\n        chip.flag(tags.ISSUER_AUTH_FAILED", "    if False:\n        chip.flag(tags.ISSUER_AUTH_FAILED"),
    (E + "scripts.py", "        if answer.sw != 0x9000 and answer.sw >> 8 not in (0x62, 0x63):", "        if False:"),
    (E + "offline_pin.py", "    if answer.sw & 0xFFF0 == 0x63C0:\n        return Verdict(False, answer.sw & 0x0F)", "    if answer.sw & 0xFFF0 == 0x63C0:\n        return Verdict(False, 3)"),
    (E + "tlv.py", '            out += value[:length].ljust(length, b"\\xff" if tag in tags.COMPRESSED else b"\\0")', '            out += value[:length].ljust(length, b"\\0")'),
    ("drivers/apdu_transport.py", "    if not data and sw >> 8 in (0x62, 0x63) and _is_case_4(apdu):", "    if False:"),
    ("firmware/flows/sale.py", "        final = _last_word(t, kind, amount, card, chip, answer)  # the card has the last word", "        final = first"),
    ("firmware/security/dukpt.py", "        self.load(after)", "        pass"),
    ("firmware/security/dukpt.py", "        left = {bit: k for bit, k in self.keys.items() if bit != lowest}", "        left = dict(self.keys)"),
    ("firmware/security/keystore.py", "    if _mark(opener) != mark:", "    if False:"),
    ("firmware/security/secrets.py", "        if use is not self.use:", "        if False:"),
    ("firmware/security/sealing.py", '        return derived(raw + b"".join(_said(p) for p in hardware))', "        return derived(raw)"),
    ("firmware/security/custody.py", "    if not 3 <= len(kcv) <= 4 or check_of(raw)[: len(kcv)] != kcv:", "    if not 3 <= len(kcv) <= 4:"),
    ("firmware/ceremony.py", "        if number == other:", "        if False:"),
    ("firmware/ceremony.py", "        if isinstance(role, Wrong) or role not in (Role.SUPERVISOR, Role.ADMIN):", "        if isinstance(role, Wrong):"),
    ("firmware/ledger/session.py", "        safe.erase()\n", ""),
    ("firmware/ledger/session.py", "            key.wipe()", "            pass"),
    ("firmware/flows/steps.py", "    if no_keys := tamper.closed(t):\n        raise Refused(no_keys)\n", ""),
    ("firmware/app.py", "    if opened or half_done:", "    if opened:"),
    ("firmware/flows/steps.py", "    if t.ledger.wrong_pins(chip, t.time.strict().date()) >= t.config.security.pin_tries:", "    if False:"),
]  # fmt: skip
TESTS = ["tests/emv/test_outcomes.py", "tests/emv/test_stage_vectors.py", "tests/emv/test_oda.py", "tests/emv/test_kernel.py",
         "tests/emv/test_random_cards.py", "tests/flows/test_cards.py", "tests/emv/test_oda_vectors.py", "tests/security/test_keys.py",
         "tests/security/test_tamper.py"]  # fmt: skip


def test_each_fault_is_a_line_that_is_there_just_once() -> None:
    for file, line, fault in FAULTS:
        assert (ROOT / file).read_text(encoding="utf-8").count(line) == 1, (file, line)
        assert line != fault


def red(number: int) -> bool:
    """Do the tests of a copy with this fault fail?"""
    file, line, fault = FAULTS[number]
    with tempfile.TemporaryDirectory(prefix="takeback-fault-") as folder:
        copy = Path(folder) / "main"
        for part in ("firmware", "drivers", "hal_mocks", "tests", "tools", "docs"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "golden"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if (ROOT.parent / "shared").is_dir():
            (Path(folder) / "shared").symlink_to(ROOT.parent / "shared")
        path = copy / file
        path.write_text(path.read_text(encoding="utf-8").replace(line, fault), encoding="utf-8")
        tests = [t for t in TESTS if (ROOT.parent / "shared").is_dir() or not t.endswith("_vectors.py")]
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", *tests], cwd=copy, capture_output=True, text=True,
                              env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
        return done.returncode == 1 and "failed" in done.stdout


@pytest.mark.slow
def test_each_planted_fault_turns_a_test_red() -> None:
    with ThreadPoolExecutor(2) as pool:
        noticed = list(pool.map(red, range(len(FAULTS))))
    assert [FAULTS[n][:2] for n, seen in enumerate(noticed) if not seen] == []
