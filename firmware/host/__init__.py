"""The acquirer's language: field tables, codec, MAC, messages and one exchange at a time."""
