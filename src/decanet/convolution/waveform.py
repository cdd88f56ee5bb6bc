"""Waveform of a sound: its lowest and highest samples and its root mean square over time."""

import math
from collections.abc import Iterable

import numpy as np

from decanet.convolution.impulse_responses import Array

COLUMNS = 600  # columns of a drawn waveform
PERIOD_SECONDS = 0.025  # two periods of a low voice: shorter windows would show single periods as a comb


def waveform(blocks: Iterable[Array], sample_rate: int, frames: int, columns: int = COLUMNS) -> Array:
    """Return the lowest sample, the highest sample and the root mean square of all channels in each column.

    Each is taken over at least ``PERIOD_SECONDS`` around the column.

    Args:
        blocks: the sound, arrays (n, C).
        sample_rate: in Hz.
        frames: length of the time axis in samples; values are NaN where the blocks end before it.
        columns: largest number of columns.

    Returns:
        Shape (K, 3).
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

    columns = min(columns, frames)
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    energy, count = np.zeros(columns), np.zeros(columns)
    start = 0
    for block in blocks:
        column = (np.arange(start, start + len(block)) * columns) // frames
        np.minimum.at(low, column, block.min(axis=1))
        np.maximum.at(high, column, block.max(axis=1))
        energy += np.bincount(column, np.square(block).mean(axis=1), columns)
        count += np.bincount(column, minlength=columns)
        start += len(block)
    there = count > 0
    shape = np.full((columns, 3), np.nan)
    stretch = frames / columns / sample_rate  # seconds
    # Where a column is much shorter than a period, the waveform itself is drawn.
    width = math.ceil(PERIOD_SECONDS / stretch) if stretch > PERIOD_SECONDS / 10 else 1
    if there.any():
        shape[there, 0] = minimum_filter1d(low[there], width)
        shape[there, 1] = maximum_filter1d(high[there], width)
        mean_square = uniform_filter1d(energy[there] / count[there], width)
        shape[there, 2] = np.sqrt(np.maximum(mean_square, 0.0))  # a running mean may fall below 0 by rounding
    return shape
