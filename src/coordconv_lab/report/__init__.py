"""The report: one self-contained page, made from records alone."""

from coordconv_lab.report.write import write_report

__all__ = ["write_report"]
