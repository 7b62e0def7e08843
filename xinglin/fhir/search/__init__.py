"""The R4 search grammar as data: read a query (`grammar`), take a resource's values (`extract`), test one on the other (`match`)."""
