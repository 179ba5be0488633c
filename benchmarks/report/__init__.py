"""Turns result files into tables, pictures, and parts of the README and the model card."""
