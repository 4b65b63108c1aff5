"""Where children run: in this process (serial) or one process per device (local)."""
