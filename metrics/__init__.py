"""Metrics of synthetic ECG, one folder for each suite."""
