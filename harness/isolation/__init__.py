"""Processes of their own for code of plugins."""
