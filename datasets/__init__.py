"""Datasets of real and simulated ECG, one folder each."""
