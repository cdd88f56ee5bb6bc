"""The layers of a convolutional network in NumPy, forward and backward: what a framework does inside.

Training needs the derivative of one number, the loss L, by every weight. Each layer is a function y = f(x,
weights), and the chain rule lets each do its part alone: given dL/dy from the layer above, it computes

    dL/dx        = sum over all y of  dL/dy * dy/dx            handed down to the layer below
    dL/dweights  = sum over all y of  dL/dy * dy/dweights      kept, for the optimizer

So a layer here is a ``forward`` that remembers what it will need, and a ``backward`` that takes dL/dy (called
``grad``, of y's shape) and returns dL/dx (of x's). The docstrings say how the gradient flows through each.

Convolution and pooling share one idea. ``unfold`` lays the windows of an image side by side, so that the
layer is a matrix product, or a maximum along an axis. It only copies pixels; so its derivative, ``fold``,
adds what arrives at the copies back to the pixel they came from.

Images are (N, C, H, W) floats; every layer keeps their precision. As everywhere in deep learning,
"convolution" is the cross-correlation: the kernel is not flipped.
"""

from decanet.convolution.reference.elementwise import Dropout, ReLU, Sigmoid, Tanh
from decanet.convolution.reference.layer import Array, Layer
from decanet.convolution.reference.linear import Flatten, Linear
from decanet.convolution.reference.loss import SoftmaxCrossEntropy
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
    "SoftmaxCrossEntropy",
    "Tanh",
    "fold",
    "unfold",
]
