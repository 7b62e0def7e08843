"""Floor 5: what a capability is written with: capability, unit, pages, words in two languages, base templates."""
