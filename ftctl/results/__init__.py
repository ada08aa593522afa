"""What a training measured and what that means: results.csv, checkpoints, curves and the verdict. Pure functions."""
