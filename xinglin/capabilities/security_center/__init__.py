"""The security centre: what the three administrators watch, none of them seeing medical data.

Answers S-SEC and S-AUD (GB/T 22239-2019 level 3, 8.1.4 and 8.1.5; GB/T 39786-2021 8.4): emergency looks to be judged, objections to be
answered, sign-ins, sessions, accounts, keys, the ledger, what is held, and the list of controls with the evidence the software can show.
"""
