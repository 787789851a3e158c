"""Official tables as they arrive: data cubes, the formats they come in, and frozen extracts."""
