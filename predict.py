"""Score many recordings, as `python -m ser predict` does."""

from ser.batch.cli import main

if __name__ == "__main__":
    main()
