"""Policies: rules of a team's own, in YAML with CEL expressions, that every plan is held against."""
