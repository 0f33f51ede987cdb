"""Generators of synthetic ECG, one folder each."""
