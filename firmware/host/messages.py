"""Messages of the UnionPay-style profile, built from plain values (host facts, 1.2–1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.emv import tags, tlv
from firmware.emv.chip import Chip
from firmware.host.codec import Message
from firmware.host.profiles import Profile
from firmware.money import CURRENCY, de4
from firmware.security.secrets import Pan, PinBlock, Track2

SIGN_ON_3DES, SIGN_OFF, ECHO_TEST = "003", "002", "301"
SETTLE, UPLOAD, UPLOAD_END_BALANCED, UPLOAD_END_NOT = "201", "201", "207", "202"
SCRIPT_RESULTS = "951"
CAPK_LIST, CAPK_ITEM, CAPK_END = "372", "370", "371"
AID_LIST, AID_ITEM, AID_END = "382", "380", "381"
INQUIRE = "901"  # a marked extension of ours: no acquirer's profile has it (money rule 11)
_F53_PIN = "2600000000000000"  # X9.8 with PAN, double-length key


@dataclass(frozen=True)
class Caller:
    """Who speaks: DE 41, DE 42 and the header of every frame."""

    terminal_id: str
    merchant_id: str
    header: str


@dataclass(frozen=True)
class Details:
    """The lasting part of a financial request: what the journal keeps and a reversal repeats."""

    act: str
    amount: int
    stan: str
    batch: str
    f22: str
    f23: str
    pan: Pan
    expiry: str
    f60_tail: str = "00060"  # network code 000, reads contactless too, no fallback


def f60(profile: Profile, details: Details) -> str:
    return profile.acts[details.act].f60_1 + details.batch + details.f60_tail


def _kept(profile: Profile, caller: Caller, d: Details) -> dict[str, str]:
    """F2 … F60: the fields that request and reversal share."""
    act = profile.acts[d.act]
    return {
        "2": d.pan.reveal(),
        "3": act.f3,
        "4": de4(d.amount),
        "11": d.stan,
        "14": d.expiry,
        "22": d.f22,
        "23": d.f23,
        "25": act.f25,
        "41": caller.terminal_id,
        "42": caller.merchant_id,
        "49": CURRENCY,
        "60": f60(profile, d),
    }


def sale(profile: Profile, caller: Caller, d: Details, chip: Chip, pin: PinBlock | None) -> Message:
    """0200 000000 with the chip's data. F64 is added by the exchange."""
    fields = _kept(profile, caller, d) | {"55": online_f55(profile, chip).hex()}
    if tags.TRACK2 in chip.data:
        fields["35"] = chip.track2.text()
    made = Message(profile.acts[d.act].mti, fields, caller.header)
    return with_pin(made, pin) if pin else made


def linked(profile: Profile, caller: Caller, d: Details, track2: Track2 | None, rrn: str, auth: str,
           original: str) -> Message:  # fmt: skip
    """Void, completion and their voids, naming what went before: F37, F38 = the step's authorisation, F61 = original
    batch + STAN, for bookings + date (host facts, 1.5). Without F35, F36, F52 where no card was in the reader."""
    fields = _kept(profile, caller, d) | {"37": rrn or "0" * 12, "61": original}
    if track2:
        fields["35"] = track2.text()
    if auth:
        fields["38"] = auth
    return Message(profile.acts[d.act].mti, fields, caller.header)


def with_pin(message: Message, pin: PinBlock) -> Message:
    """The same with F26, F52 and F53. A DUKPT block's KSN goes in F62, and a block of 16 bytes there too, behind it:
    this profile's F52 has eight (a marked extension: no source of the profile has DUKPT)."""
    block = pin.reveal()
    fields = {"26": "12", "52": block[:8].hex(), "53": _F53_PIN}
    if pin.ksn:
        fields["62"] = (b"KSN" + pin.ksn + block[8:]).hex()
    return Message(message.mti, {**message.fields, **fields}, message.header)


def refund(profile: Profile, caller: Caller, d: Details, rrn: str, date: str) -> Message:
    """0220 200000: F37 and the original's date in F61. No track and no PIN, so that a repeat after a power cut is the
    same but for its MAC (money rule 9). `date` is MMDD."""
    fields = _kept(profile, caller, d) | {"37": rrn or "0" * 12, "61": "0" * 12 + date}
    return Message(profile.acts[d.act].mti, fields, caller.header)


def upload(profile: Profile, caller: Caller, d: Details, f55: str, auth: str, original: str) -> Message:
    """An offline sale or a completion notice, the same each time it is sent (host facts, 1.3)."""
    fields = _kept(profile, caller, d)
    for number, value in (("38", auth), ("55", f55), ("61", original)):
        if value:
            fields[number] = value
    return Message(profile.acts[d.act].mti, fields, caller.header)


def inquiry(profile: Profile, caller: Caller, stan: str, batch: str, f61: str) -> Message:
    """What has the bank on its books under original batch + STAN (F61)? A marked extension; carries a MAC."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id,
              "60": profile.acts["inquiry"].f60_1 + batch + INQUIRE, "61": f61}  # fmt: skip
    return Message("0820", fields, caller.header)


def settle(profile: Profile, caller: Caller, stan: str, batch: str, operator: str, totals: str) -> Message:
    """0500, F48 = 62 digits: [debit 12, count 3, credit 12, count 3, flag 1] at home, the same abroad (1.6)."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id, "48": totals, "49": CURRENCY,
              "60": profile.acts["settle"].f60_1 + batch + SETTLE, "63": f"{operator} ".encode().hex()}  # fmt: skip
    return Message("0500", fields, caller.header)


def batch_upload(profile: Profile, caller: Caller, stan: str, batch: str, f48: str, kind: str = UPLOAD) -> Message:
    """0320: up to eight details, or the end (`kind` 207 balanced, 202 not)."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id, "48": f48,
              "60": profile.acts["upload"].f60_1 + batch + kind}  # fmt: skip
    return Message("0320", fields, caller.header)


def parameters(profile: Profile, caller: Caller, stan: str, batch: str, kind: str, f62: bytes = b"") -> Message:
    """Lists, items and ends of a download: `kind` is F60.3 (host facts, 1.3). Asking for a list is an 0820, the rest an
    0800. No MAC."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id,
              "60": profile.acts["parameters"].f60_1 + batch + kind}  # fmt: skip
    mti = "0820" if kind in (CAPK_LIST, AID_LIST) else "0800"
    return Message(mti, fields | ({"62": f62.hex()} if f62 else {}), caller.header)


def sign_off(profile: Profile, caller: Caller, stan: str, batch: str) -> Message:
    """0820, F60.3 = 002."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id,
              "60": profile.acts["sign_off"].f60_1 + batch + SIGN_OFF}  # fmt: skip
    return Message("0820", fields, caller.header)


def reversal(profile: Profile, caller: Caller, d: Details, reason: str, f55: str, auth: str, original: str) -> Message:
    """0400: the request without 26, 35, 36, 37, 52, 53; plus F39 reason, F38 only if an approval gave one,
    F55 shrunk, F61 = original batch + own STAN when a void is undone (host facts, 1.4)."""
    kept = _kept(profile, caller, d)
    fields = {str(n): kept[str(n)] for n in profile.reversal_keeps} | {"39": reason}
    for number, value in (("38", auth), ("55", f55), ("61", original)):
        if value:
            fields[number] = value
    return Message("0400", fields, caller.header)


def sign_on(profile: Profile, caller: Caller, stan: str, batch: str, operator: str) -> Message:
    """0800, F60.3 = 003: working keys under a double-length TMK. Carries no MAC."""
    fields = {"11": stan, "41": caller.terminal_id, "42": caller.merchant_id,
              "60": profile.acts["sign_on"].f60_1 + batch + SIGN_ON_3DES,
              "63": f"{operator} ".encode().hex()}  # fmt: skip
    return Message("0800", fields, caller.header)


def echo(profile: Profile, caller: Caller, batch: str) -> Message:
    """0820, F60.3 = 301: is somebody there?"""
    fields = {"41": caller.terminal_id, "42": caller.merchant_id,
              "60": profile.acts["echo"].f60_1 + batch + ECHO_TEST}  # fmt: skip
    return Message("0820", fields, caller.header)


def online_f55(profile: Profile, chip: Chip) -> bytes:
    """F55 of an online request (host facts, 1.7): what the card or terminal has, in the profile's order."""
    values = chip.values()
    return b"".join(tlv.write(tag, values[tag]) for tag in profile.online_f55 if tag in values)


def reversal_f55(profile: Profile, chip: Chip) -> str:
    """The shrunken F55 a 0400 repeats: TVR, IFD serial, issuer data, ATC."""
    values = chip.values()
    return b"".join(tlv.write(tag, values[tag]) for tag in profile.reversal_f55 if tag in values).hex()


def offline_f55(profile: Profile, chip: Chip) -> str:
    """F55 of an offline sale: the TC and what it was made of, 9F27 = 40, tag 8A (host facts, 1.7)."""
    values = chip.values()
    return b"".join(tlv.write(tag, values[tag]) for tag in profile.offline_f55 if tag in values).hex()


def answer_f55(message: Message) -> bytes:
    """A reply's F55 (91, 71, 72), or nothing. Raises CardBroken for bad TLV: the caller treats it as garbled."""
    raw = bytes.fromhex(message.get(55))
    list(tlv.read(raw))
    return raw


def script_results(profile: Profile, caller: Caller, d: Details, stan: str, f55: str, original: str) -> Message:
    """0620: what became of the issuer's scripts. F3, F25 and F60.1 as in the original, its place in F61, F60.3 = 951
    (host facts, 1.3 and 1.7)."""
    kept = _kept(profile, caller, d)
    fields = {n: kept[n] for n in ("2", "3", "4", "14", "22", "23", "25", "41", "42", "49")}
    f60 = profile.acts[d.act].f60_1 + d.batch + SCRIPT_RESULTS
    return Message("0620", fields | {"11": stan, "55": f55, "60": f60, "61": original}, caller.header)


def script_f55(profile: Profile, chip: Chip) -> str:
    """F55 of a 0620: results as DF31 with what names the transaction, hex."""
    values = chip.values() | {tags.SCRIPT_RESULTS: chip.scripts}
    return b"".join(tlv.write(tag, values[tag]) for tag in profile.script_f55 if tag in values).hex()
