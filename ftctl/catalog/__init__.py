"""Dated facts that ftctl ships: clouds and roles; each can be overridden."""
