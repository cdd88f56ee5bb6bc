"""The mathematics of convolution: signals, pictures, kernels, the arithmetic of layers and their gradients."""
