"""Guardians and agents: who acts for a child, for an adult who cannot, or with an adult's written authority, on which proof, until when.

Answers S-RES and S-SEC (Civil Code 17, 26-39, 161-175; Personal Information Protection Law 31). What stands here is what the care
relationship "guardian" follows from: nobody sees a ward's record by any other word.
"""
