"""Terminal output: progress bars during runs, and tables of results."""
