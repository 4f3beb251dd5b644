"""The experiments of this package, one folder each. The engine finds them through its registry."""
