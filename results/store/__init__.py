"""The store: its records, and how they are written and read."""
