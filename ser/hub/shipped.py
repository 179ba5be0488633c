"""Which results are those of the shipped checkpoint; apart, for the demo imports nothing that measures."""

SHIPPED_RECIPE = "hybrid"  # of the recipes in the results, the one that the checkpoint was trained with
SPREAD_PROTOCOL = "luna5"  # its folds test every actor once
