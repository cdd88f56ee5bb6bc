"""Departures that the recipes of several papers have in common (see ``Recipe.departures``)."""

CHANNEL_MEAN = "the mean that is subtracted is that of each channel; the paper's is that of each pixel"
DEVIATION = "images are divided by the standard deviation of each channel; the paper only subtracts the mean"
WARM_UP = "the learning rate rises from 0.01 to 0.1 during the first 400 steps; in the paper it stays at 0.01"
BY_HAND = (
    "the learning rate is divided when the error on a held-out 5% of the training images stops falling; in the paper "
    "by hand"
)
MOMENTUM = (
    "PyTorch's momentum accumulates gradients, that of the program used then accumulates updates: they differ for some "
    "steps after the learning rate falls"
)
COLOR_NOISE = (
    "color noise has the standard deviations of AlexNet's code, where its paper prints eigenvalues; the code then "
    "divides the image by 1.1, which is not done here"
)

# ResNeXt, DenseNet and the pre-activation ResNet-200 were trained with facebook/fb.resnet.torch: datasets/imagenet.lua.
FB_RESNET_TORCH = (
    "crops are resized bilinearly, their shape is uniform on a logarithmic scale; fb.resnet.torch: bicubic, uniform",
    "the principal colors of pca_noise are computed from the training images; fb.resnet.torch has constants",
)
