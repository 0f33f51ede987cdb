"""A program, not a plugin: it ends the process that imports it."""

raise SystemExit("usage: exits.py FILE")
