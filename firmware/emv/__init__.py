"""The EMV contact kernel, room by room. It takes Clock, randomness and settings as arguments, never a Terminal."""
