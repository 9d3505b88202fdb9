"""How far each of the 83 rules is kept, as an outside review graded revision 438b953 (counter review, 1c to 1e).

A test that passes says that what it looks at is there; a grade says whether the rule is. What is not named here was found
full. `partial`: a feature or a record falls short, or the test is narrower than what the rule demands. `token`: the screen
is there, what should stand behind it is not. A grade goes up when somebody other than the author has looked at the rule
again; until then a mend shows in docs/found.md only. D0 to D12 are that review's defects, one line each in docs/found.md.
"""

from __future__ import annotations

GRADES: dict[str, tuple[str, str]] = {
    "S1": ("partial", "D1: for a booking nothing says that it cannot be cancelled; 9 of the pairs of type and state played"),
    "S4": ("partial", "its test changes an amount only, not time and type"),
    "S5": ("partial", "three ways in are written by hand, none is random; register, forced withdrawal and scan are not tried"),
    "S7": ("partial", "three of the states before the request is sent are cancelled in its test"),
    "S11": ("partial", "D2: a customer who did not agree, or was not reached, was refunded all the same"),
    "S12": ("partial", "no export hook for a customer system: a contact is in none of the exported files"),
    "S13": ("partial", "its test changes one byte"),
    "S15": ("partial", "the code for the register is tested for two of the four switches, over loopback"),
    "S17": ("partial", "the card shows the window and no limit, of one method; the rule asks for three things"),
    "S20": ("partial", "D6: a slip of the same shop's other lane is called another shop's"),
    "S21": ("partial", "D6: the test of another shop's slip passes for the wrong reason"),
    "S22": ("partial", "twelve seeds"),
    "S23": ("partial", "nothing at the same time in its test; two at once are raced elsewhere, on one terminal"),
    "S24": ("partial", "the packs are cn and demo, and no other; how many copies are printed is no setting"),
    "S25": ("partial", "taking money (a completion) is titled 撤回, and too much is answered 最多可退, 'at most refundable'"),
    "S27": ("partial", "nothing notices when the time is missing on the stub"),
    "S30": ("partial", "D1: no contact slip for a booking of the class that cannot be cancelled"),
    "S31": ("partial", "D1: after the deadline the reason is not said"),
    "S32": ("partial", "nothing notices when the fee class is told 'free'; the slip names the version of the terms, not their text"),
    "S33": ("partial", "nothing notices when the reminder comes 47 instead of 24 hours before"),
    "S36": ("partial", "its test uses the voucher only; nothing notices when the search by last four finds nothing"),
    "S37": ("token", "the bank's name comes from two test rows in the source; every real card shows 未知发卡行"),
    "S41": ("partial", "another account is not possible; the change after sending is tested by calling an internal"),
    "S42": ("partial", "D8: only the newest refund can be looked at; nothing notices when the beep is gone"),
    "S46": ("partial", "D4: a refund that came back stays in the list for ever"),
    "S47": ("partial", "D5: the record names a disclosure before a sale that no screen shows"),
    "S49": ("token", "six lines of its own: no card, no 撤回, no jam, no reversal; nothing notices when its consent is skipped"),
    "S51": ("partial", "every age in its test is 3d; pending refunds are not aged"),
    "S54": ("partial", "the sale in the middle is an owed one at rest"),
    "S57": ("partial", "a decline prints nothing, so there is no clear slip"),
    "S63": ("partial", "the way with a signature is not in its test"),
    "S64": ("partial", "D3: a clerk's key was stored as an absent guest's consent; the options stand on the merchant's screen"),
    "S69": ("partial", "D11: at the consent of a refund nothing is printed; seven frames of a sale are tried"),
    "S72": ("partial", "D10: the screen at rest does not show that the line is down; no back-off in its test"),
    "S74": ("partial", "D9: a healthy desk shows three faults, so that 'none found' is never seen"),
    "S75": ("partial", "webhook and register only; no mail, no text message"),
    "S81": ("partial", "two faults of 'any'"),
    "S83": ("partial", "D7: the rate counts every kind above the line and card sales only below it"),
}  # fmt: skip
