"""From records to boards: reading a store, arithmetic of uncertainty, ranks."""
