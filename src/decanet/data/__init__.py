"""Images for training and evaluation: data sets, folders, data augmentation, loaders."""

from decanet.data._load import load_data, load_test_data, match_classes
from decanet.data.image_data import ImageData, bare_name
from decanet.data.loaders.folder import FolderSplit
from decanet.data.loaders.memory import MemorySplit
from decanet.data.loaders.protocol import Split
from decanet.data.registry import DatasetEntry, dataset_entry, list_datasets
from decanet.data.run_data import RunData, stored_classes

__all__ = [
    "DatasetEntry",
    "FolderSplit",
    "ImageData",
    "MemorySplit",
    "RunData",
    "Split",
    "bare_name",
    "dataset_entry",
    "list_datasets",
    "load_data",
    "load_test_data",
    "match_classes",
    "stored_classes",
]
