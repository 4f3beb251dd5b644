"""Claims about Not-so-Clevr, by who makes them, with the tests that they undergo."""
