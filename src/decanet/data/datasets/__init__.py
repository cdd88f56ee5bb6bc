"""The data sets, one file a source."""
