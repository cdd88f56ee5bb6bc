"""Pictures for training and testing: sources, data sets in memory, folders, augmentation, batches."""

from decanet.data._base import DatasetEntry, FolderData, ImageData, Split, dataset_entry, list_datasets
from decanet.data._load import load_data

__all__ = [
    "DatasetEntry",
    "FolderData",
    "ImageData",
    "Split",
    "dataset_entry",
    "list_datasets",
    "load_data",
]
