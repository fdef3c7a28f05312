"""The doctor: is this machine fit for a show?  Each check is a small function with a verdict, each
runs for a bounded time, and none changes anything."""
