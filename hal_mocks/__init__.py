"""The simulated world: cards, a bank, paper, glass, a jumping clock and a power switch. Never in the device wheel."""
