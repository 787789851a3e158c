"""Published tables as controls: read, proved consistent, relaxed only where they must be."""
