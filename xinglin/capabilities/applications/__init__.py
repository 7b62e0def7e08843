"""Applications of others that work with the record: registering them, allowing them, starting them, taking back what was allowed.

Answers S-SEC and S-TDI (trusted access of third parties) by SMART App Launch 2.2. The machine endpoints are the door `smart`.
"""
