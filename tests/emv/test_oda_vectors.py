"""Published certificate chains: each key, hash and signature; each invalid twin; expiry; and every byte of each turned."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from firmware.emv import catalogue, oda, tags, tlv
from firmware.emv.chip import Chip, PublicKey
from firmware.emv.settings import AidSettings, CaKey, EmvSettings
from firmware.errors import ConfigError
from firmware.security.pin import verify_block
from tests.conftest import vectors
from tests.emv.bench import typed

CHAINS = {v["name"]: v for v in vectors("emv/oda_chains")["vectors"]}
CAPK = vectors("emv/capk")
_TAGS = {
    "issuer_cert": tags.ISSUER_CERTIFICATE,
    "enc_ssad": tags.SSAD,
    "icc_cert": tags.ICC_CERTIFICATE,
    "enc_sdad": tags.SDAD,
}
_BEFORE_ALL_EXPIRE = date(2010, 1, 1)


# This synthetic card has the certificate of another issuer: the kernel refuses it (Book 2, §5.3, step 8). Its arithmetic is
# checked with a card number of that issuer (docs/emv.md, exceptions).
OTHER_ISSUER = {"javaemvreader-sda": "4925640000000000"}


def chip_of(v: dict[str, Any], today: date = _BEFORE_ALL_EXPIRE) -> Chip:
    key = CaKey(bytes.fromhex(v["rid"]), int(v["capk_index"], 16), bytes.fromhex(v["capk"]["modulus"]),
                bytes.fromhex(v["capk"]["exponent"]), True)  # fmt: skip
    assert key.checksum.hex().upper() == v["capk"]["sha1"]
    ours = EmvSettings((), {(key.rid, key.index): key})
    made = Chip(ours, AidSettings(key.rid), key.rid + b"\x10\x10", v["name"], today)
    made.data = {int(t, 16): bytes.fromhex(x) for t, x in v["card_data"].items() if x}
    made.data[tags.PAN] = bytes.fromhex(OTHER_ISSUER.get(v["name"], v["card_data"]["5A"]))
    made.static = bytes.fromhex(v.get("static_data_records", ""))
    if "static_data_aip_appended" in v:
        made.data |= {tags.SDA_TAG_LIST: b"\x82", tags.AIP: bytes.fromhex(v["static_data_aip_appended"])}
    return made


CHAINED = [n for n, v in CHAINS.items() if "capk" in v]
SSAD = [n for n in CHAINED if CHAINS[n]["recomputed"].get("ssad_hash")]
ICC = [n for n in CHAINED if CHAINS[n]["recomputed"].get("icc_cert_hash")]


def test_no_chain_is_left_out() -> None:
    assert len(CHAINS) == 7
    assert (len(CHAINED), len(SSAD), len(ICC)) == (5, 3, 2)


@pytest.mark.parametrize("name", CHAINED)
def test_issuer_key(name: str) -> None:
    v = CHAINS[name]
    chip = chip_of(v)
    assert oda.issuer_key(chip).modulus.hex().upper() == v["expected"]["issuer"]["modulus"]
    plain = oda.recover(
        chip.data[tags.ISSUER_CERTIFICATE],
        PublicKey(bytes.fromhex(v["capk"]["modulus"]), int(v["capk"]["exponent"], 16)),
        0x02,
    )
    assert plain.hex().upper() == v["expected"]["issuer"]["recovered"]


@pytest.mark.parametrize("name", OTHER_ISSUER)
def test_a_certificate_of_another_issuer_is_refused(name: str) -> None:
    chip = chip_of(CHAINS[name])
    chip.data[tags.PAN] = bytes.fromhex(CHAINS[name]["card_data"]["5A"])
    with pytest.raises(oda.NotAuthentic, match="another issuer"):
        oda.issuer_key(chip)


@pytest.mark.parametrize("name", SSAD)
def test_static_signature(name: str) -> None:
    chip = chip_of(CHAINS[name])
    assert oda.static_signature(chip, oda.issuer_key(chip)).hex().upper() == CHAINS[name]["expected"]["ssad"]["dac"]


@pytest.mark.parametrize("name", ICC)
def test_icc_key(name: str) -> None:
    chip = chip_of(CHAINS[name])
    assert oda.icc_key(chip, oda.issuer_key(chip)).modulus.hex().upper() == CHAINS[name]["expected"]["icc"]["modulus"]


@pytest.mark.parametrize("name", [n for n in CHAINED if "icc" in CHAINS[n]["expected"] and n not in ICC])
def test_icc_key_without_the_static_data_nobody_published(name: str) -> None:
    """The source has no records, so the hash cannot be right and must be refused; the key in it is the published one."""
    v = CHAINS[name]
    chip = chip_of(v)
    issuer = oda.issuer_key(chip)
    with pytest.raises(oda.NotAuthentic, match="hash"):
        oda.icc_key(chip, issuer)
    plain = oda.recover(chip.data[tags.ICC_CERTIFICATE], issuer, 0x04)
    assert plain.hex().upper() == v["expected"]["icc"]["recovered"]


def icc_of(v: dict[str, Any]) -> PublicKey:
    if "icc_modulus" in v:
        return PublicKey(bytes.fromhex(v["icc_modulus"]), int(v["icc_exponent"], 16))
    return PublicKey(bytes.fromhex(v["expected"]["icc"]["modulus"]), int(v["card_data"]["9F47"], 16))


@pytest.mark.parametrize("name", [n for n, v in CHAINS.items() if "dda" in v])
def test_dynamic_signature(name: str) -> None:
    v = CHAINS[name]
    signed, data = bytes.fromhex(v["dda"]["9F4B"]), bytes.fromhex(v["dda"]["terminal_dynamic_data_ddol"])
    found = oda.dynamic_signature(signed, icc_of(v), data)
    assert found.hex().upper() == v["expected"]["dda"]["dynamic_data"]
    with pytest.raises(oda.NotAuthentic):
        oda.dynamic_signature(signed, icc_of(v), data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("name", [n for n, v in CHAINS.items() if "cda" in v])
def test_combined_signature(name: str) -> None:
    v = CHAINS[name]
    signed, number = bytes.fromhex(v["cda"]["9F4B"]), bytes.fromhex(v["cda"]["unpredictable_number"])
    found = oda.dynamic_signature(signed, icc_of(v), number)
    assert found.hex().upper() == v["expected"]["cda"]["dynamic_data"]
    if "pdol_data" not in v:
        return
    chip = chip_of(v)
    chip.icc_key, chip.data[tags.UNPREDICTABLE] = icc_of(v), number
    chip.pdol_data, chip.cdol1_data = bytes.fromhex(v["pdol_data"]), bytes.fromhex(v["cdol1_data"])
    answer = bytes.fromhex(v["gen_ac_response_tlv_without_9F4B"]) + tlv.write(tags.SDAD, signed)
    assert oda.combined(chip, signed, answer, b"", 0x80).hex().upper() == v["expected"]["cda"]["ac"]
    with pytest.raises(oda.NotAuthentic, match="hash"):
        oda.combined(chip, signed, b"\x9f\x27\x01\x80" + answer, b"", 0x80)
    with pytest.raises(oda.NotAuthentic, match="CID"):
        oda.combined(chip, signed, answer, b"", 0x40)


def test_enciphered_pin() -> None:
    """The published block decrypts to what our own builder makes for this PIN and challenge."""
    v = CHAINS["emvpt-enciphered-pin"]
    d, n = int(v["icc_private_exponent"], 16), int(v["icc_modulus"], 16)
    plain = pow(int(v["enciphered_pin_data"], 16), d, n).to_bytes(len(v["icc_modulus"]) // 2, "big")
    assert plain.hex().upper() == v["expected"]["plain"]
    assert plain[1:9] == bytes(verify_block(typed(v["pin"])))
    assert plain[9:17].hex().upper() == v["icc_challenge"]


def original(v: dict[str, Any], which: str) -> bytes:
    tag = {"issuer_cert": "90", "enc_ssad": "93", "icc_cert": "9F46"}.get(which)
    if tag:
        return bytes.fromhex(v.get("card_data", {}).get(tag, ""))
    return bytes.fromhex(v.get("dda", v.get("cda", {})).get("9F4B", ""))


TWINS = [(n, which) for n, v in CHAINS.items() for which in v.get("invalid_twins", {})]


@pytest.mark.parametrize(("name", "which"), TWINS)
def test_each_invalid_twin_is_refused(name: str, which: str) -> None:
    v = CHAINS[name]
    check(v, which, bytes.fromhex(v["invalid_twins"][which]))


@pytest.mark.parametrize(("name", "which"), [(n, w) for n, v in CHAINS.items() for w in _TAGS if original(v, w)])
def test_each_byte_turned_is_refused(name: str, which: str) -> None:
    """Twins for every chain, generated: one bit of each byte of each certificate and signature."""
    v = CHAINS[name]
    good = original(v, which)
    for at in range(len(good)):
        check(v, which, good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])


def check(v: dict[str, Any], which: str, wrong: bytes) -> None:
    with pytest.raises(oda.NotAuthentic):
        if which == "enc_sdad":
            source = v.get("dda") or v["cda"]
            data = source.get("terminal_dynamic_data_ddol") or source["unpredictable_number"]
            oda.dynamic_signature(wrong, icc_of(v), bytes.fromhex(data))
            return
        chip = chip_of(v)
        chip.data[_TAGS[which]] = wrong
        issuer = oda.issuer_key(chip)
        if which == "enc_ssad":
            oda.static_signature(chip, issuer)
        elif which == "icc_cert":
            oda.icc_key(chip, issuer)


def test_dates_of_the_certificates() -> None:
    v = CHAINS["visa-test-94-sda-dda"]
    for case in v["date_cases"]:
        today = datetime.strptime(case["txn_date"], "%y%m%d").date()
        if "issuer_cert_expired" in case:
            assert oda.expired(bytes.fromhex("1231"), today) is case["issuer_cert_expired"]
        else:
            assert oda.expired(bytes.fromhex("1222"), today) is case["icc_cert_expired"]
    late = chip_of(v, date(2032, 1, 1))
    with pytest.raises(oda.NotAuthentic, match="expired"):
        oda.issuer_key(late)


def test_the_published_ca_keys_by_their_checksums() -> None:
    """139 keys are what their checksum says; the three that are not are refused when a catalogue names them."""

    def row(k: dict[str, Any], sha1: str) -> str:
        head = '[[aid]]\naid = "F054414B450101"\n[[ca_key]]\n'
        return head + "\n".join(f'{n} = "{v}"' for n, v in (("rid", k["rid"]), ("index", k["index"]),
                                ("modulus", k["modulus"]), ("exponent", k["exponent"]), ("sha1", sha1)))  # fmt: skip

    assert len(CAPK["keys"]) == 139
    odd = [k for k in CAPK["keys"] if int(k["exponent"], 16) not in (3, 65537) or not int(k["modulus"], 16) & 1]
    for k in CAPK["keys"]:
        if k in odd:
            with pytest.raises(ConfigError, match="not an RSA key of EMV"):
                catalogue.read(row(k, k["sha1_computed"]), "emv.toml")
        else:
            assert len(catalogue.read(row(k, k["sha1_computed"]), "emv.toml").keys) == 1
    for k in CAPK["rejected_checksum_mismatch"]:
        with pytest.raises(ConfigError, match="SHA-1"):
            catalogue.read(row(k, k["sha1_listed"][0]), "emv.toml")
    assert len(odd) < 10, "most published keys are ordinary"
