"""Archives of stores: making, reading and merging them, and notes of their origin."""
