"""Floor and ours in one run, as ratios; a table a stage."""
