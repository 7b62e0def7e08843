"""Accounts: who may sign in and in which roles (the system administrator), and one's own account: password, second factor, sessions.

Answers S-SEC (accounts of staff, separated administrators) and S-TDI (identity). Signing in itself is the web door's.
"""
