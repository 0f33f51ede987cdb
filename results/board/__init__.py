"""From records to boards: what a store holds, arithmetic of uncertainty, ranks."""
