"""What may be taken back, and why not. Today: the void; the full rules come with the issue on withdrawals."""
