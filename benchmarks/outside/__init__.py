"""Kinds of defects written by an outsider who had not read the checks."""
