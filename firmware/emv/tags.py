"""The data objects this kernel names (EMV 4.4 Book 3, Annex A) and the bits it sets (Annex C5 and C6)."""

from __future__ import annotations

from typing import NamedTuple

ACCOUNT_TYPE = 0x5F57
ADDITIONAL_CAPABILITIES = 0x9F40
AFL = 0x94
AID = 0x4F
AIP = 0x82
AMOUNT = 0x9F02
AMOUNT_BINARY = 0x81
AMOUNT_OTHER = 0x9F03
APP_CRYPTOGRAM = 0x9F26
APP_CURRENCY = 0x9F42
APP_LABEL = 0x50
APP_PREFERRED_NAME = 0x9F12
APP_PRIORITY = 0x87
APP_VERSION_CARD = 0x9F08
APP_VERSION_TERMINAL = 0x9F09
ARC = 0x8A
ATC = 0x9F36
AUC = 0x9F07
CA_INDEX = 0x8F
CA_INDEX_TERMINAL = 0x9F22
CDOL1 = 0x8C
CDOL2 = 0x8D
CID = 0x9F27
CVM_LIST = 0x8E
CVM_RESULTS = 0x9F34
DAC = 0x9F45
DATE = 0x9A
DDOL = 0x9F49
DF_NAME = 0x84
DYNAMIC_NUMBER = 0x9F4C
EFFECTIVE = 0x5F25
EXPIRY = 0x5F24
IAC_DEFAULT = 0x9F0D
IAC_DENIAL = 0x9F0E
IAC_ONLINE = 0x9F0F
IAD = 0x9F10
ICC_CERTIFICATE = 0x9F46
ICC_EXPONENT = 0x9F47
ICC_REMAINDER = 0x9F48
IFD_SERIAL = 0x9F1E
ISSUER_AUTH_DATA = 0x91
ISSUER_CERTIFICATE = 0x90
ISSUER_CODE_TABLE = 0x9F11
ISSUER_COUNTRY = 0x5F28
ISSUER_EXPONENT = 0x9F32
ISSUER_REMAINDER = 0x92
LAST_ONLINE_ATC = 0x9F13
LOWER_OFFLINE_LIMIT = 0x9F14
PAN = 0x5A
PAN_SEQUENCE = 0x5F34
PDOL = 0x9F38
PIN_CERTIFICATE = 0x9F2D
PIN_EXPONENT = 0x9F2E
PIN_REMAINDER = 0x9F2F
PIN_TRY_COUNTER = 0x9F17
SCRIPT_AFTER = 0x72
SCRIPT_BEFORE = 0x71
SCRIPT_COMMAND = 0x86
SCRIPT_ID = 0x9F18
SCRIPT_RESULTS = 0xDF31
SDAD = 0x9F4B
SDA_TAG_LIST = 0x9F4A
SEQUENCE_COUNTER = 0x9F41
SERVICE_CODE = 0x5F30
SSAD = 0x93
TC_HASH = 0x98
TDOL = 0x97
AID_TERMINAL = 0x9F06
MERCHANT_ID = 0x9F16
MERCHANT_NAME = 0x9F4E
TERMINAL_ID = 0x9F1C
ENTRY_MODE = 0x9F39
TERMINAL_CAPABILITIES = 0x9F33
TERMINAL_COUNTRY = 0x9F1A
TERMINAL_TYPE = 0x9F35
TIME = 0x9F21
TRACK2 = 0x57
TRANSACTION_CURRENCY = 0x5F2A
TRANSACTION_TYPE = 0x9C
TSI = 0x9B
TVR = 0x95
UNPREDICTABLE = 0x9F37
UPPER_OFFLINE_LIMIT = 0x9F23

# Format n: padded with zeros on the left in a DOL. Format cn: with F on the right (Book 3, §5.4 and §4.3).
NUMERIC = frozenset({AMOUNT, AMOUNT_OTHER, DATE, TIME, TRANSACTION_TYPE, TRANSACTION_CURRENCY, TERMINAL_COUNTRY,
                     SEQUENCE_COUNTER, TERMINAL_TYPE, EXPIRY, EFFECTIVE, ISSUER_COUNTRY, PAN_SEQUENCE, APP_CURRENCY,
                     SERVICE_CODE, ACCOUNT_TYPE, 0x9F15, 0x9F01, 0x9F19, 0x9F11, 0x9F39, 0x9F3C, 0x9F3D, 0x9F43,
                     0x9F44, 0x9F51, 0x9F52, 0x9F53, 0x5F36})  # fmt: skip
COMPRESSED = frozenset({PAN, 0x9F20})


class Bit(NamedTuple):
    """One bit of the TVR: byte counted from 0, mask, what it says, and where the Books set it."""

    byte: int
    mask: int
    says: str
    book: str


ODA_NOT_PERFORMED = Bit(0, 0x80, "offline data authentication was not performed", "Book 3, 10.3")
SDA_FAILED = Bit(0, 0x40, "SDA failed", "Book 2, 5")
ICC_DATA_MISSING = Bit(0, 0x20, "ICC data missing", "Book 3, 7.5")
ON_EXCEPTION_FILE = Bit(0, 0x10, "card on the exception file", "Book 4, 6.3.5")
DDA_FAILED = Bit(0, 0x08, "DDA failed", "Book 2, 6.5")
CDA_FAILED = Bit(0, 0x04, "CDA failed", "Book 2, 6.6")
SDA_SELECTED = Bit(0, 0x02, "SDA selected", "Book 3, 10.3")
VERSIONS_DIFFER = Bit(1, 0x80, "application versions differ", "Book 3, 10.4.1")
APP_EXPIRED = Bit(1, 0x40, "expired application", "Book 3, 10.4.3")
APP_NOT_YET_EFFECTIVE = Bit(1, 0x20, "application not yet effective", "Book 3, 10.4.3")
SERVICE_NOT_ALLOWED = Bit(1, 0x10, "service not allowed for this card", "Book 3, 10.4.2")
NEW_CARD = Bit(1, 0x08, "new card", "Book 3, 10.6.3")
CVM_FAILED = Bit(2, 0x80, "cardholder verification was not successful", "Book 3, 10.5")
UNKNOWN_CVM = Bit(2, 0x40, "unrecognised CVM", "Book 3, 10.5")
PIN_TRY_LIMIT = Bit(2, 0x20, "PIN try limit exceeded", "Book 3, 10.5.1")
PIN_PAD_MISSING = Bit(2, 0x10, "PIN entry required, no working PIN pad", "Book 3, 10.5.1")
PIN_NOT_ENTERED = Bit(2, 0x08, "PIN entry required, PIN was not entered", "Book 3, 10.5.1")
ONLINE_PIN_ENTERED = Bit(2, 0x04, "online PIN entered", "Book 3, 10.5.2")
OVER_FLOOR_LIMIT = Bit(3, 0x80, "transaction exceeds the floor limit", "Book 3, 10.6.1")
LOWER_LIMIT_EXCEEDED = Bit(3, 0x40, "lower consecutive offline limit exceeded", "Book 3, 10.6.3")
UPPER_LIMIT_EXCEEDED = Bit(3, 0x20, "upper consecutive offline limit exceeded", "Book 3, 10.6.3")
SELECTED_AT_RANDOM = Bit(3, 0x10, "selected at random for online processing", "Book 3, 10.6.2")
DEFAULT_TDOL = Bit(4, 0x80, "default TDOL used", "Book 3, 9.2.2")
ISSUER_AUTH_FAILED = Bit(4, 0x40, "issuer authentication failed", "Book 3, 10.9")
SCRIPT_FAILED_BEFORE = Bit(4, 0x20, "script failed before the final GENERATE AC", "Book 3, 10.10")
SCRIPT_FAILED_AFTER = Bit(4, 0x10, "script failed after the final GENERATE AC", "Book 3, 10.10")

# TSI, byte 1 (Book 3, Annex C6).
TSI_ODA_DONE = 0x80
TSI_CVM_DONE = 0x40
TSI_CARD_RISK_DONE = 0x20
TSI_ISSUER_AUTH_DONE = 0x10
TSI_TERMINAL_RISK_DONE = 0x08
TSI_SCRIPT_DONE = 0x04

# AIP, byte 1 (Book 3, Annex C1).
AIP_SDA, AIP_DDA, AIP_CVM, AIP_RISK, AIP_ISSUER_AUTH, AIP_CDA = 0x40, 0x20, 0x10, 0x08, 0x04, 0x01
