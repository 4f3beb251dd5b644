"""Terminal output: progress during runs, tables afterwards."""
