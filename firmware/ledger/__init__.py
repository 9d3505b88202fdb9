"""The money: a pure lifecycle table, the durable journal, one safe door out (in_flight) and what we owe (outbox)."""
