"""The mathematics of convolution: signals, images, kernels, the arithmetic of layers and their gradients."""
