"""Floor 6: the ways in. A door knows no capability by name and imports no other door."""
