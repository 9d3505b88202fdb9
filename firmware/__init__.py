"""Takeback's firmware: a payment terminal that can always take it back."""

__version__ = "0.1.0"
