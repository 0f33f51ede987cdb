"""Pictures: arrays in, a matplotlib `Figure` out; no plugin runs here, and nothing is read from a store."""
