"""The run bundle: writing it whole, reading it back."""
