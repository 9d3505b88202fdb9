"""What people outside found, as they wrote it down; and what hosts that we did not write really answer."""
