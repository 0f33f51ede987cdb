"""The 1-D diffusion of denoising-diffusion-pytorch, as a generator of ecgbench."""
