"""What the end of a run says, whichever process it happened in: filled by tests and conftests, printed by tests/conftest.py."""

LINES: list[str] = []
