"""Images for training and testing: sources, data sets in memory, folders, augmentation, batches."""

from decanet.data._base import (
    DatasetEntry,
    FolderData,
    ImageData,
    Split,
    bare_name,
    dataset_entry,
    list_datasets,
)
from decanet.data._load import load_data, load_test_data
from decanet.data._split import RunData, stored_classes

__all__ = [
    "DatasetEntry",
    "FolderData",
    "ImageData",
    "RunData",
    "Split",
    "bare_name",
    "dataset_entry",
    "list_datasets",
    "load_data",
    "load_test_data",
    "stored_classes",
]
