"""Kinds of defects written by people who had not read the checks; see each file's head."""
