"""Measures and photographs the running demo."""
