"""The experiments of this package, one folder each, which are found through the registry."""
