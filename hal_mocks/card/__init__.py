"""A software EMV card with true cryptograms. Its crypto is its own: it imports neither pyemv nor the kernel."""
