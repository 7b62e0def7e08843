"""Floor 6: one folder for each thing the platform does for people, all of one shape, found by discovery."""
