"""The scores of each experiment on real data, written out again without code of this project."""
