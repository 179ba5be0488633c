"""Serve the demo, as `python -m ser demo` does. A Space starts here."""

from ser.demo.cli import main

if __name__ == "__main__":
    main()
