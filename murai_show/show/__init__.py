"""The show language: from a YAML file to a plan that leaves nothing open.  Never loads torch."""
