"""Floor 2: the sciences, pure and usable as a library: the fictional county, and later linkage, diagnosis, surveillance."""
