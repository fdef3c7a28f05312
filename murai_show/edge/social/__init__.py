"""Posting: people's painted portraits, from the booth to the networks."""
