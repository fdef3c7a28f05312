"""The edges: threads of their own that watch the loop through its mailbox and never hold it up."""
