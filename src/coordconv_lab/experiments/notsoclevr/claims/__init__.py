"""Claims about Not-so-Clevr, grouped by source, each with the function that tests it."""
