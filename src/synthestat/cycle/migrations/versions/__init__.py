"""One file for each revision of the board's tables."""
