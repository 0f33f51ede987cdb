"""Recordings on their way to windows: downloads, checks, the cache, and the split by people."""
