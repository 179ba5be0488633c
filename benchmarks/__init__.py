"""Programs that measure the recogniser, and the result files they leave."""
