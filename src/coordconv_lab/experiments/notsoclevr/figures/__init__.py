"""Panels of the report and figures of runs for Not-so-Clevr."""
