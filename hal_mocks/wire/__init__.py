"""The simulated card, printer, bank and panel behind real wires: vpcd, pseudo-terminal, TLS, socket."""
