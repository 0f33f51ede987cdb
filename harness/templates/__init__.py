"""New plugins, from templates."""
