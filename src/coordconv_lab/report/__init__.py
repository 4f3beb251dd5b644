"""The report: one self-contained page, written only from records."""

from coordconv_lab.report.write import write_report

__all__ = ["write_report"]
