"""Train a classifier, as `python -m ser train` does."""

from ser.training.cli import main

if __name__ == "__main__":
    main()
