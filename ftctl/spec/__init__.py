"""Specs: YAML in with line numbers, typed resources out, and the schema they are checked against."""
