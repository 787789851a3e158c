"""Numerical methods on arrays; this room knows no country."""
