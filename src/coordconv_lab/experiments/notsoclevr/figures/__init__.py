"""Figures for Not-so-Clevr: sections of the report page, and figures of single runs."""
