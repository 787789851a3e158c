"""What a built population looks like, measured from its written tables."""
