"""A variational autoencoder of tsgm, as a generator of ecgbench."""
