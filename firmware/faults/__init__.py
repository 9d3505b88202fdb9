"""Fault × state → what to do. Printer, network, display, crash; and how an outcome is told."""
