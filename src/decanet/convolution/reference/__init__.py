"""The layers of a convolutional network in NumPy, forward and backward.

Training needs the derivative of the loss L with respect to every weight. Each layer is a function y = f(x, weights),
and by the chain rule each can be differentiated alone: given dL/dy from the layer above, it computes

    dL/dx        = sum over all y of  dL/dy * dy/dx            for the layer below
    dL/dweights  = sum over all y of  dL/dy * dy/dweights      for the optimizer

So a layer has a ``forward`` that keeps what its ``backward`` needs, and a ``backward`` that takes dL/dy (called
``grad``, of the shape of y) and returns dL/dx (of the shape of x). The docstrings derive the gradient of each layer.

Images are (N, C, H, W) floats; every layer keeps their precision. As in all of deep learning, "convolution" is the
cross-correlation: the kernel is not flipped.
"""

from decanet.convolution.reference.elementwise import Dropout, ReLU, Sigmoid, Tanh
from decanet.convolution.reference.layer import Array, Layer
from decanet.convolution.reference.linear import Flatten, Linear
from decanet.convolution.reference.loss import Softmax, SoftmaxCrossEntropy
from decanet.convolution.reference.normalization import BatchNorm, LocalResponseNorm
from decanet.convolution.reference.windows import AveragePooling, Convolution, MaxPooling, fold, unfold

__all__ = [
    "Array",
    "AveragePooling",
    "BatchNorm",
    "Convolution",
    "Dropout",
    "Flatten",
    "Layer",
    "Linear",
    "LocalResponseNorm",
    "MaxPooling",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Tanh",
    "fold",
    "unfold",
]
