"""Floor 4: who acts, in which role, and what that role may do."""
