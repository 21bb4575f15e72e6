"""How days and moments are written: the same in every language, and never without the zone."""
