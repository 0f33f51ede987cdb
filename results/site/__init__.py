"""A static site of a store: one JSON, and pages that show it."""
