"""The inbox: the work that waits for someone in any capability's lists, and what they have been told, day by day.

Answers the inbox and the bell of every workspace. It knows no other capability: each says itself what waits in it (`Capability.inbox`).
"""
