"""Pulse2Pulse of the package ecgen, as a generator of ecgbench."""
