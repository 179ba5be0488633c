"""Measure a checkpoint on a corpus, as `python -m ser evaluate` does."""

from ser.evaluation.cli import main

if __name__ == "__main__":
    main()
