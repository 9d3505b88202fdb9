"""Stage × outcome: each row one payment with the software card. Played in process by `test`, through pcscd by `test-real`,
and printed as the coverage table of docs/emv.md."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hal_mocks.card import scheme
from hal_mocks.card.issuer import script
from hal_mocks.card.profile import (
    CVM_ENCIPHERED_AND_SIGNATURE,
    CVM_ENCIPHERED_PIN,
    CVM_OFFLINE_PIN,
    CVM_ONLINE_PIN,
    CVM_PLAIN_AND_SIGNATURE,
    CVM_SIGNATURE,
)
from tests.emv.bench import OFFLINE_TOO, SETTINGS, Play, terminal

FREE = {"tac_denial": bytes(5), "tac_online": bytes(5), "tac_default": bytes(5)}
LIMIT = terminal(OFFLINE_TOO, floor_limit=10_000)
LAX = terminal(OFFLINE_TOO, floor_limit=10_000, **FREE)
REVOKED = replace(SETTINGS, revoked=frozenset({(scheme.RID, 1, b"\0\0\1")}))
NO_KEYS = replace(SETTINGS, keys={})
LISTED = replace(SETTINGS, on_exception_file=lambda digits: True)
NO_PIN_PAD = replace(SETTINGS, capabilities=b"\x20\x28\xc8")
RANDOM = terminal(OFFLINE_TOO, floor_limit=10_000, random_threshold=9_999, random_percent=99, random_percent_max=99, **FREE
                  | {"tac_online": b"\0\0\0\x10\0"})  # fmt: skip


@dataclass
class Case:
    """`tvr` and `cvm` in hex where the row is about them; `outcome` as tests.emv.bench says it."""

    stage: str
    name: str
    outcome: str
    profile: dict[str, Any] = field(default_factory=dict)
    world: dict[str, Any] = field(default_factory=dict)
    tvr: str = ""
    cvm: str = ""

    def play(self) -> Play:
        return Play(**self.world)


def _c(stage: str, name: str, outcome: str = "approved online", tvr: str = "", cvm: str = "", world: dict[str, Any] | None = None,
       **profile: Any) -> Case:  # fmt: skip
    if "cvm_" in profile:
        profile["cvm"] = profile.pop("cvm_")
    return Case(stage, name, outcome, profile, world or {}, tvr, cvm)


_DDA: dict[str, Any] = {"oda": "dda"}
CASES = [
    _c("selection", "PSE"),
    _c("selection", "list of AIDs, no PSE", pse=False),
    _c("selection", "two applications, the second chosen", second_app="OTHER", world={"choice": 1}),
    _c("selection", "two applications without PSE: SELECT next", pse=False, second_app="OTHER"),
    _c("selection", "one that asks to be confirmed", priority=0x81),
    _c("selection", "first one blocked: the other is taken", second_app="OTHER", blocked_first=True),
    _c("selection", "only one and blocked", "CardUnsupported: NO APPLICATION LEFT", blocked_first=True),
    _c("selection", "card blocked", "CardUnsupported: CARD IS BLOCKED", raw={"A4": "6A81"}),
    _c("selection", "no application in common", "CardUnsupported: CARD NOT SUPPORTED", raw={"A4": "6A82"}),
    _c("selection", "not a payment card", "CardUnsupported: CARD NOT SUPPORTED", raw={"A4": "6D00"}),
    _c("initiation", "format 2", format_2=True),
    _c("initiation", "6985: back to selection", second_app="OTHER", refuses_options=True),
    _c("initiation", "error", "CardBroken: GET PROCESSING OPTIONS answered 6A81", raw={"A8": "6A81"}),
    _c("initiation", "neither format", "CardBroken: not one object 77 or 80", raw={"A8": "810102" + "9000"}),
    _c("records", "an AFL without end", "CardBroken: the AFL names too many records", afl="080163" + "00" + "100101" + "00",
       raw={"B2": "7000" + "9000"}, pse=False),
    _c("records", "an AFL entry out of range", "CardBroken: an AFL entry is out of range", afl="0900010000000000"),
    _c("records", "mandatory object missing", "CardBroken: the card gave no tag 8C", drop_tag="8C"),
    _c("records", "an object twice", "CardBroken: tag 5F34 came twice", extra_record="5F340101"),
    _c("data authentication", "none in common", tvr="8000008000"),
    _c("data authentication", "SDA", oda="sda", tvr="0200008000"),
    _c("data authentication", "SDA, signature spoilt", oda="sda", spoil={"93": 5}, tvr="4200008000"),
    _c("data authentication", "SDA, data changed", oda="sda", changed=True, tvr="4200008000"),
    _c("data authentication", "SDA, nothing signed", oda="sda", drop_tag="93", tvr="6200008000"),
    _c("data authentication", "DDA", oda="dda", tvr="0000008000"),
    _c("data authentication", "DDA, other authority, issuer and card keys", oda="dda", authority=2, issuer=scheme.ISSUER_2,
       icc=scheme.ICC_2, tvr="0000008000"),
    _c("data authentication", "DDA, signature spoilt", oda="dda", bad_signature="dda", tvr="0800008000"),
    _c("data authentication", "DDA, format 2", oda="dda", format_2=True, tvr="0000008000"),
    _c("data authentication", "issuer certificate spoilt", spoil={"90": 40}, tvr="0800008000", **_DDA),
    _c("data authentication", "ICC certificate spoilt", spoil={"9F46": 40}, tvr="0800008000", **_DDA),
    _c("data authentication", "ICC certificate missing", drop_tag="9F46", tvr="2800008000", **_DDA),
    _c("data authentication", "issuer certificate expired", ca_expiry="1025", tvr="0800008000", **_DDA),
    _c("data authentication", "ICC certificate expired", icc_expiry="1025", tvr="0800008000", **_DDA),
    _c("data authentication", "no CA key for this index", world={"settings": NO_KEYS}, tvr="0800008000", **_DDA),
    _c("data authentication", "certificate on the revocation list", world={"settings": REVOKED}, tvr="0800008000", **_DDA),
    _c("data authentication", "DDOL without the unpredictable number", ddol="9F0206", tvr="0800008000", **_DDA),
    _c("data authentication", "default DDOL", drop_tag="9F49", tvr="0000008000", **_DDA),
    _c("data authentication", "INTERNAL AUTHENTICATE refused", "CardBroken: INTERNAL AUTHENTICATE answered 6A88",
       raw={"88": "6A88"}, **_DDA),
    _c("data authentication", "CDA on both cryptograms", oda="cda", tvr="0000008000"),
    _c("data authentication", "CDA spoilt on the ARQC", "declined, signature wrong (AAC)", oda="cda", bad_signature="cda1",
       tvr="0400008000"),
    _c("data authentication", "CDA spoilt on the TC", "reversed: signature wrong", oda="cda", bad_signature="cda2",
       tvr="0400008000"),
    _c("data authentication", "CDA spoilt on a TC at once", "declined, signature wrong (AAC)", oda="cda", bad_signature="cda1",
       offline_ok=True, world={"settings": LIMIT}, tvr="0400000000"),
    _c("data authentication", "CDA, certificate spoilt: no signature asked for", oda="cda", spoil={"9F46": 9}, tvr="0400008000"),
    _c("restrictions", "expired", expiry="251031", tvr="8040008000"),
    _c("restrictions", "not yet effective", effective="270101", tvr="8020008000"),
    _c("restrictions", "usage not allowed: denied", "declined offline", auc="FE00", tvr="8010008000"),
    _c("verification", "no list", drop_tag="8E", cvm="3F0000"),
    _c("verification", "no CVM", cvm="1F0002"),
    _c("verification", "signature", cvm="1E0000", cvm_=CVM_SIGNATURE),
    _c("verification", "online PIN", cvm="020000", world={"pins": ("1234",)}, tvr="8000048000", cvm_=CVM_ONLINE_PIN),
    _c("verification", "online PIN passed by: denied", "declined offline", "8000888000", "020001", {"pins": ("",)},
       cvm_=CVM_ONLINE_PIN),
    _c("verification", "no working pad: denied", "declined offline", "8000908000", "010001", {"pad": False},
       cvm_=CVM_OFFLINE_PIN),
    _c("verification", "plain PIN right", cvm="010002", world={"pins": ("1234",)}, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "plain PIN right at the second try", cvm="010002", world={"pins": ("9999", "1234")}, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "plain PIN wrong to the last try: denied", "declined offline", "8000A08000", "010001",
       {"pins": ("9999", "9999", "9999")}, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "last try right", cvm="010002", world={"pins": ("1234",)}, pin_tries=1, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "PIN blocked before", "declined offline", "8000A08000", "010001", pin_tries=0, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "PIN blocked, card does not tell", "declined offline", "8000A08000", "010001", {"pins": ("1234",)},
       pin_tries=0, shows_tries=False, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "VERIFY with a status nobody allows", "CardBroken: VERIFY answered 6F12", verify_sw="6F12",
       world={"pins": ("1234",)}, cvm_=CVM_OFFLINE_PIN),
    _c("verification", "plain PIN and signature", cvm="030000", world={"pins": ("1234",)}, cvm_=CVM_PLAIN_AND_SIGNATURE),
    _c("verification", "enciphered PIN, the card's key", cvm="040002", world={"pins": ("1234",)}, oda="dda",
       cvm_=CVM_ENCIPHERED_PIN),
    _c("verification", "enciphered PIN, a key of its own", cvm="040002", world={"pins": ("1234",)}, pin_key=scheme.PIN,
       cvm_=CVM_ENCIPHERED_PIN),
    _c("verification", "enciphered PIN and signature", cvm="050000", world={"pins": ("1234",)}, oda="cda",
       cvm_=CVM_ENCIPHERED_AND_SIGNATURE),
    _c("verification", "enciphered, certificate spoilt: denied", "declined offline", "8000808000", "040001", {"pins": ("1234",)},
       pin_key=scheme.PIN, spoil={"9F2D": 7}, cvm_=CVM_ENCIPHERED_PIN),
    _c("verification", "enciphered, no challenge: denied", "declined offline", "0000808000", "040001", {"pins": ("1234",)},
       oda="dda", challenge=False, cvm_=CVM_ENCIPHERED_PIN),
    _c("verification", "method that the terminal has not, then none", cvm="1F0002", tvr="8000108000",
       world={"settings": NO_PIN_PAD}, cvm_="0000000000000000" + "4100" + "1F00"),
    _c("verification", "code nobody knows, then none", cvm="1F0002", tvr="8000408000", cvm_="0000000000000000" + "6A00" + "1F00"),
    _c("risk", "over the floor limit", world={"settings": LAX, "amount": 10_000}, tvr="0000008000", **_DDA),
    _c("risk", "over it with what was spent before", world={"settings": LAX, "spent": 9_000}, tvr="0000008000", **_DDA),
    _c("risk", "selected at random", world={"settings": RANDOM}, tvr="0000001000", **_DDA),
    _c("risk", "velocity: lower limit", world={"settings": LIMIT}, limits="0009", tvr="0008004000", **_DDA),
    _c("risk", "velocity: both limits", world={"settings": LIMIT}, limits="0000", tvr="0008006000", **_DDA),
    _c("risk", "velocity: no counters", world={"settings": LIMIT}, limits="0909", shows_counters=False, tvr="0000006000", **_DDA),
    _c("risk", "on the exception list", world={"settings": LISTED}, tvr="9000008000"),
    _c("actions", "denied by the issuer's code", "declined offline", iac_denial="8000000000"),
    _c("actions", "online by the issuer's code", world={"settings": LAX}, iac_online="0200000000", oda="sda"),
    _c("actions", "offline", "approved offline", world={"settings": LIMIT}, offline_ok=True, tvr="0000000000"),
    _c("actions", "offline with CDA", "approved offline", world={"settings": LIMIT}, oda="cda", offline_ok=True),
    _c("first cryptogram", "card wants its bank instead of a TC", world={"settings": LIMIT}, tvr="0000000000", **_DDA),
    _c("first cryptogram", "card declines", "declined by the card", declines_first=True),
    _c("first cryptogram", "format 2", format_2=True),
    _c("first cryptogram", "long CDOL", long_cdol=True),
    _c("first cryptogram", "TC hash over the card's TDOL", hashed="own", tvr="8000008000"),
    _c("first cryptogram", "TC hash over the terminal's TDOL", hashed="default", tvr="8000008080"),
    _c("first cryptogram", "more than was asked", "CardBroken: asked for ARQC, the card gave TC",
       raw={"AE": "8012" + "40" + "0001" + "00" * 8 + "06011203A00000" + "9000"}),
    _c("first cryptogram", "refused", "CardBroken: GENERATE AC answered 6985", raw={"AE": "6985"}),
    _c("first cryptogram", "malformed", "CardBroken: GENERATE AC answered malformed data", raw={"AE": "80038000019000"}),
    _c("host", "approves"),
    _c("host", "refuses", "declined by the host", world={"arc": "51"}),
    _c("host", "silent", "declined, host not reached", world={"arc": ""}),
    _c("host", "never reached, codes allow: Y3", "approved, host not reached", world={"settings": terminal(OFFLINE_TOO),
       "arc": "Y3"}, offline_ok=True, tvr="0000008000"),
    _c("host", "never reached, codes forbid: Z3", "declined, host not reached", world={"settings": OFFLINE_TOO, "arc": "Y3"}),
    _c("host", "never reached, online only: Z3", "declined, host not reached", world={"arc": "Y3"}, offline_ok=True),
    _c("issuer authentication", "in EXTERNAL AUTHENTICATE"),
    _c("issuer authentication", "in the second CDOL", external_auth=False),
    _c("issuer authentication", "wrong", "reversed: the card says no", world={"wrong_arpc": True}, tvr="8000008040"),
    _c("issuer authentication", "wrong, in the second CDOL", "reversed: the card says no", world={"wrong_arpc": True},
       external_auth=False),
    _c("issuer authentication", "missing", "reversed: the card says no", world={"no_arpc": True}),
    _c("issuer authentication", "refused with 6700", "reversed: the card says no", raw={"82": "6700"}, tvr="8000008040"),
    _c("scripts", "71 done", world={"before": script("unblock_pin", "71")}),
    _c("scripts", "71 failed", world={"before": script("wrong_mac", "71")}, tvr="8000008020"),
    _c("scripts", "72 done", world={"after": script("unblock_pin", "72")}),
    _c("scripts", "72 failed", world={"after": script("wrong_mac", "72")}, tvr="8000008010"),
    _c("scripts", "too long", world={"before": lambda card: bytes.fromhex("7181C0") + bytes(192)}, tvr="8000008020"),
    _c("second cryptogram", "card has the last word", "reversed: the card says no", refuses_second=True),
    _c("second cryptogram", "format 2, long CDOL", format_2=True, long_cdol=True),
]  # fmt: skip
