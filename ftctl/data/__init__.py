"""Datasets: what is in a training file, and what is wrong with it."""
