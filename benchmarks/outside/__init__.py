"""Kinds of defect written without knowing the reviewer's checks, to state a held-out catch rate."""
