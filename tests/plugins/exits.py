"""A program, not a plugin: it ends the importing process."""

raise SystemExit("usage: exits.py FILE")
