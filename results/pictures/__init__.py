"""Pictures: arrays in, a matplotlib `Figure` out; no plugin runs here, and nothing is read from a store."""

PICTURES = ("windows.png", "classes.png", "spectra.png")
"""Names of the pictures of a cell, among its artefacts."""
