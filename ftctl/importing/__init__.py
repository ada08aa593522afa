"""Import: a spec made of what there is already, a live account or job files of azd's fine-tuning extension."""
