"""Compression dictionaries that come with the program, one per common type, trained on synthetic resources."""
