"""The hardware abstraction layer: one small Protocol a file. Drivers and simulations both honour it."""
