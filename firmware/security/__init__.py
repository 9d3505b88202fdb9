"""Secrets are types; keys, PIN blocks and sealing live here."""
