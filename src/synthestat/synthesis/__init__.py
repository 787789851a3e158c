"""From controls to persons, households and dwellings, one zone at a time."""
