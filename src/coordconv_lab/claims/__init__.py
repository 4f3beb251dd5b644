"""Claims: what the sources say, each with a test over records and its verdict."""
