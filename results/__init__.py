"""The store, the board and its renderings; nothing here runs a plugin."""
