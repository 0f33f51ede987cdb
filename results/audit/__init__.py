"""Audits: their records, and the verdict on a metric."""
