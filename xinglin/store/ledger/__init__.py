"""The ledger: the audit trail sealed so that nobody rubs anything out unseen (docs/explanation/audit.md).

`sealing` seals what was written, `verifying` finds what was changed, `proving` and `heads` give others the means to check,
`archiving` moves old rows into files, `looking` is how people read it.
"""
