"""The core: contracts, discovery, plan, engine, command line."""
