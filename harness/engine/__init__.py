"""Works through a plan: on this machine, or on a cluster."""
