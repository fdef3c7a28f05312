"""Posting, against servers that behave like the networks."""
