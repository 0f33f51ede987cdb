"""Archives of stores: what may come in, and what is known of where it came from."""
