"""What plugins and the harness promise each other."""
