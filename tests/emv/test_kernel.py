"""The kernel against the software card: outcome by outcome, data rule by data rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyemv import ac, kd

from firmware.emv import cryptogram, scripts, selection, tags, tlv
from firmware.emv.cvm import CvmList
from firmware.emv.settings import Method
from firmware.errors import CardBroken, CardUnsupported
from firmware.hal.reader import Response
from hal_mocks.card import crypto
from hal_mocks.card.soft_card import CVM_ENCIPHERED_PIN, ISSUER_KEY, Profile, SoftCard
from tests.emv.bench import SETTINGS, Dice, Direct, Play, begin, begin_on, play


@pytest.mark.parametrize("external", [True, False])
@pytest.mark.parametrize("format_2", [True, False])
@pytest.mark.parametrize("pse", [True, False])
def test_approval_by_every_form_of_card(pse: bool, format_2: bool, external: bool) -> None:
    card, chip = begin(pse=pse, format_2=format_2, external_auth=external)
    first = cryptogram.first(card, chip, Dice())
    assert first.kind == "ARQC"
    key = crypto.session_key(crypto.icc_master_key(ISSUER_KEY, "6200000000000005", "01"), first.atc)
    issuer_auth = crypto.arpc_method_1(key, first.value, b"00") + b"00"
    final = cryptogram.second(card, chip, "00", issuer_auth, approve=True)
    assert final.kind == "TC"
    assert (0x82 in [i for i, _ in card.log]) is external


def test_card_crypto_agrees_with_pyemv() -> None:
    """The card's own code and the bank's oracle are two implementations."""
    master = crypto.icc_master_key(ISSUER_KEY, "6200000000000005", "01")
    key = crypto.session_key(master, b"\x00\x07")
    theirs = kd.derive_common_sk(kd.derive_icc_mk_a(ISSUER_KEY, "6200000000000005", "01"), b"\x00\x07" + bytes(6))
    for data in (b"", b"x", bytes(range(40))):
        assert crypto.application_cryptogram(key, data) == ac.generate_ac(theirs, data)
    assert crypto.arpc_method_1(key, bytes(8), b"00") == ac.generate_arpc_1(theirs, bytes(8), b"00")


def test_wrong_issuer_authentication_ends_in_an_aac_and_its_tvr_bit() -> None:
    card, chip = begin()
    cryptogram.first(card, chip, Dice())
    final = cryptogram.second(card, chip, "00", bytes(8) + b"00", approve=True)
    assert final.kind == "AAC"
    assert chip.tvr[4] & 0x40


def test_missing_arpc_ends_in_an_aac() -> None:
    card, chip = begin()
    cryptogram.first(card, chip, Dice())
    assert cryptogram.second(card, chip, "00", b"", approve=True).kind == "AAC"


def test_silence_sends_z3_and_asks_for_an_aac() -> None:
    card, chip = begin()
    cryptogram.first(card, chip, Dice())
    assert cryptogram.second(card, chip, "Z3", b"", approve=False).kind == "AAC"
    assert chip.data[tags.ARC] == b"Z3"
    assert card.card.tcs == []


def test_denial_code_turns_the_first_request_into_a_decline() -> None:
    card, chip = begin(iac_denial="8000000000")  # ODA not performed
    assert cryptogram.first(card, chip, Dice()).declined


@pytest.mark.parametrize(
    ("profile", "byte_2"),
    [
        ({}, 0x00),
        ({"expiry": "261122"}, 0x40),
        ({"expiry": "261123"}, 0x00),
        ({"effective": "261124"}, 0x20),
        ({"effective": "261123"}, 0x00),
        ({"auc": "FE00"}, 0x10),
        ({"auc": "0100"}, 0x10),
        ({"auc": "2100"}, 0x00),
        ({"auc": "2100", "country": "0840"}, 0x10),
        ({"auc": "1100", "country": "0840"}, 0x00),
    ],
)
def test_processing_restrictions_set_exactly_these_bits(profile: dict[str, str], byte_2: int) -> None:
    _, chip = begin(**profile)
    assert chip.tvr[1] == byte_2


@pytest.mark.parametrize("tag", ["5A", "5F24", "8C", "8D"])
def test_missing_mandatory_data_breaks_the_card(tag: str) -> None:
    with pytest.raises(CardBroken, match=f"tag {tag}"):
        begin(drop_tag=tag)


def test_the_same_object_twice_breaks_the_card() -> None:
    with pytest.raises(CardBroken, match="twice"):
        begin(extra_record="5F340101")


def test_track_two_of_another_card_breaks_the_card() -> None:
    card = SoftCard(Profile())
    records = card._records()
    records[(1, 1)] = records[(1, 1)].replace(bytes.fromhex("6200000000000005"), bytes.fromhex("6200000000000047"))
    card._records = lambda: records
    with pytest.raises(CardBroken, match="different cards"):
        begin_on(Direct(card))


def test_a_foreign_card_is_refused_on_a_clear_screen() -> None:
    class Foreign(SoftCard):
        def process(self, apdu: bytes) -> bytes:
            return b"\x6d\x00"

    with pytest.raises(CardUnsupported) as refused:
        begin_on(Direct(Foreign()))
    assert refused.value.why.en == "CARD NOT SUPPORTED"


def test_who_must_be_asked_which_application() -> None:
    one = selection.candidates(Direct(SoftCard(Profile())), SETTINGS)
    confirmed = selection.candidates(Direct(SoftCard(Profile(priority=0x81))), SETTINGS)
    two = selection.candidates(Direct(SoftCard(Profile(second_app="OTHER", second_priority=1, priority=2))), SETTINGS)
    assert [selection.choice_needed(f) for f in (one, confirmed, two)] == [False, True, True]
    assert [c.name for c in two] == ["OTHER", "TAKEBACK TEST"], "the card's wish first"


def test_the_name_that_is_shown_is_one_the_glass_can_show() -> None:
    found = selection.candidates(Direct(SoftCard(Profile(preferred="MY CARD"))), SETTINGS)
    assert found[0].name == "MY CARD"
    preferred, label = {tags.APP_PREFERRED_NAME: "КАРТА".encode("iso8859-5")}, {tags.APP_LABEL: b" OK  "}
    for table in (b"\x05", b"\x01", b"", b"\x01\x01"):
        assert selection.name_of(preferred | label | {tags.ISSUER_CODE_TABLE: table}, b"\xa0") == "OK"
    for broken in (b"", b"\x00\x01", b"   ", b"\xff\xfe"):
        assert selection.name_of({tags.APP_LABEL: broken}, b"\xa0") == "A0"


def test_a_card_without_track_two_is_read_all_the_same() -> None:
    _, chip = begin(drop_tag="57")
    assert tags.TRACK2 not in chip.data


@pytest.mark.parametrize(
    ("rules", "amount", "method", "results", "byte_3"),
    [
        ("1F00", 100, Method.NO_CVM, "1F0002", 0x00),
        ("1E00", 100, Method.SIGNATURE, "1E0000", 0x00),
        ("0200", 100, Method.ONLINE_PIN, None, 0x00),
        ("0100", 100, Method.PLAIN_PIN, None, 0x00),
        ("4100" + "1F00", 100, Method.PLAIN_PIN, None, 0x00),
        ("0103" + "1E00", 100, Method.PLAIN_PIN, None, 0x00),
        ("1F06" + "0200", 100, Method.NO_CVM, "1F0602", 0x00),
        ("1F06" + "0200", 30000, Method.ONLINE_PIN, None, 0x00),
        ("0000", 100, None, "000001", 0x80),
        ("2A00", 100, None, "3F0001", 0xC0),
        ("1F01", 100, None, "3F0001", 0x80),
    ],
)
def test_cvm_list(rules: str, amount: int, method: Method | None, results: str | None, byte_3: int) -> None:
    _, chip = begin(amount, cvm="00002710" + "00000000" + rules)
    cvms = CvmList(chip)
    assert cvms.choose() is method
    if method in (Method.NO_CVM, Method.SIGNATURE):
        cvms.succeeded()
    if results:
        assert chip.data[tags.CVM_RESULTS].hex().upper() == results
    assert chip.tvr[2] == byte_3


def test_no_cvm_list_at_all() -> None:
    _, chip = begin(drop_tag="8E")
    assert CvmList(chip).choose() is None
    assert chip.data[tags.CVM_RESULTS] == b"\x3f\x00\x00"
    assert not chip.tsi[0] & tags.TSI_CVM_DONE


def test_an_amount_condition_needs_the_application_currency() -> None:
    """A card that does not say in which currency its limits are has none that hold (Book 3, §10.5)."""
    for drop, expected in (("", Method.NO_CVM), ("9F42", Method.ONLINE_PIN)):
        _, chip = begin(100, cvm="00002710" + "00000000" + "1F06" + "0200", drop_tag=drop)
        assert CvmList(chip).choose() is expected


# -- parsers ------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=120))
def test_tlv_and_dol_raise_nothing_but_card_broken(data: bytes) -> None:
    for parse in (lambda: list(tlv.flatten(data)), lambda: tlv.dol(data)):
        try:
            parse()
        except CardBroken:
            pass


@given(st.lists(st.tuples(st.integers(0x41, 0x5E), st.binary(max_size=8)), max_size=5), st.data())
def test_fillers_between_objects_are_skipped(objects: list[tuple[int, bytes]], data: st.DataObject) -> None:
    """00 by Book 3, Annex B1; FF as on a scheme's test card (evsinev/ber-tlv#11, bitgamma/tlv#1, outside review R1)."""
    filler = st.lists(st.sampled_from([b"\x00", b"\xff"]), max_size=4).map(b"".join)
    padded = b"".join(data.draw(filler) + tlv.write(tag, value) for tag, value in objects) + data.draw(filler)
    assert list(tlv.read(padded)) == objects


@given(st.integers(0x41, 0x5E), st.binary(max_size=300))
def test_tlv_round_trip(tag: int, value: bytes) -> None:
    assert list(tlv.read(tlv.write(tag, value))) == [(tag, value)]


@pytest.mark.parametrize(
    ("tag", "value", "length", "expected"),
    [
        (tags.AMOUNT, b"\x12\x34", 6, "000000001234"),
        (tags.AMOUNT, bytes.fromhex("000000001234"), 2, "1234"),
        (tags.PAN, b"\x12\x34", 3, "1234ff"),
        (tags.PAN, b"\x12\x34\x56", 2, "1234"),
        (0x9F99, b"", 3, "000000"),
    ],
)
def test_dol_padding(tag: int, value: bytes, length: int, expected: str) -> None:
    assert tlv.fill_dol([(tag, length)], {tag: value}).hex() == expected


# -- filler ---------------------------------------------------------------------------------------------------------------


def filled(data: bytes, filler: bytes, deep: bool = True, inside: bool = False) -> bytes:
    """`filler` before, between and behind all data objects; inside templates too where `deep`. Beside an outer template
    only 00: FF there is refused (published vectors, read_application_data test5)."""
    here = filler if inside else filler.replace(b"\xff", b"\0")
    made = here
    for tag, value, whole in tlv.pieces(data):
        again = deep and tlv.constructed(tag)
        made += (tlv.write(tag, filled(value, filler, True, True)) if again else whole) + here
    return made


class Filled(Direct):
    """Every answer with filler in it; `deep` only where nothing is signed."""

    def __init__(self, card: SoftCard, filler: bytes, deep: bool) -> None:
        super().__init__(card)
        self.filler, self.deep = filler, deep

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        answer = super().transmit(apdu, timeout_s)
        raw = apdu[1] == 0x84  # GET CHALLENGE is no TLV
        return answer if raw else Response(filled(answer.data, self.filler, self.deep), answer.sw)


@pytest.mark.parametrize("filler", ["FF", "00", "FFFFFF", "00FF00", "FF00FFFF"])
@pytest.mark.parametrize(
    "profile",
    [{}, {"pse": False, "second_app": "OTHER"}, {"format_2": True, "pse": True, "second_app": "OTHER"},
     {"oda": "sda"}, {"oda": "dda", "format_2": True, "cvm": CVM_ENCIPHERED_PIN}, {"oda": "cda"},
     {"limits": "0105"}],
)  # fmt: skip
def test_filler_around_data_objects_costs_no_card(filler: str, profile: dict) -> None:
    """00: EMV 4.4 Book 3, Annex B1. FF: ISO 7816-4 knows no such tag, and test cards of the schemes have it (review R1;
    evsinev/ber-tlv#11, bitgamma/tlv#1, kspearrin/BerTlv.NET#3). In the FCI, the PSE, GPO, records, GET DATA, both kinds
    of signature and both cryptograms."""
    world = Play(pins=("1234",))
    plain = SoftCard(Profile(**profile))
    wanted = play(Direct(plain), plain, world)
    soft = SoftCard(Profile(**profile))
    got = play(Filled(soft, bytes.fromhex(filler), not profile.get("oda")), soft, world)
    assert wanted.outcome == "approved online"
    assert (got.outcome, got.tvr, got.cvm) == (wanted.outcome, wanted.tvr, wanted.cvm)


def test_the_record_of_the_scheme_s_test_card_is_read() -> None:
    """Visa CDET card 09: sequence number, three FF, a country code (evsinev/ber-tlv#11)."""
    record = bytes.fromhex("700C5F340101FFFFFF9F57020840")
    assert tlv.unique(record) == {tags.PAN_SEQUENCE: b"\x01", 0x9F57: b"\x08\x40"}


def test_filler_between_scripts_and_their_commands_costs_none_of_them() -> None:
    card, chip = begin()
    sent: list[bytes] = []
    card.transmit = lambda apdu, timeout_s: sent.append(bytes(apdu)) or Response(b"", 0x9000)  # type: ignore[method-assign]
    one = tlv.write(0x86, bytes.fromhex("8424000000"))
    script = tlv.write(
        0x71, b"\xff" + tlv.write(tags.SCRIPT_ID, bytes(4)) + b"\xff\0" + one + b"\xff\xff" + one + b"\xff"
    )
    scripts.run(card, chip, scripts.templates(b"\xff" + script + b"\xff", 0x71), tags.SCRIPT_FAILED_BEFORE)
    assert (len(sent), chip.scripts.hex()) == (2, "2000000000")


def test_filler_is_nothing_else_than_filler() -> None:
    """It stands for no object: a card that gives nothing but filler has given no template, and FF inside a value stays."""
    with pytest.raises(CardBroken):
        tlv.only(b"\xff" * 20, 0x70)
    assert dict(tlv.read(bytes.fromhex("5A03FF00FF"))) == {0x5A: bytes.fromhex("FF00FF")}
