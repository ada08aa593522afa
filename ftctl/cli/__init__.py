"""The command line: each command parses, calls the workflow once and renders what comes back."""
