"""The thresholds of the verdict, each with its reason; docs/results.md publishes them and a test holds it to that."""

from __future__ import annotations

FEWEST_STEPS = 20  # measured; with fewer nothing is said
SURE = 3.0  # standard errors by which a difference must be beyond noise
DIVERGING_OF_LEARNED = 0.25  # of what was learned till the best stretch, lost again
DIVERGING_OF_START = 0.10  # of the first stretch: what is less is a ripple
OVERFIT_RISE = 0.03  # of the lowest validation measure
OVERFIT_EVALUATIONS = 2  # at the end, one after the other: a single one may be chance
FALLING = 0.02  # of the level now, within a quarter of the training
STUCK = 0.02  # of the level, over the whole training
OF_START = 0.01  # of the first stretch: what is less is nothing, however small the level has become
NOISY = 0.25  # of all that was learned: noise greater than that hides what the end of the training does
LATE_START = 0.10  # of the steps: a file that begins later does not tell what the beginning was like
NOISE_KNOWN = 8  # evaluations, from which on their own noise is reckoned: of fewer a turn would pass for noise
QUARTER = 0.25  # of the steps: how far back the end is compared with
