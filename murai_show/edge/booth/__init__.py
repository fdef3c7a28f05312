"""The booth at the edge: its ledger, its desk, its button, its answers over HTTP."""
