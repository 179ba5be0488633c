"""The demo, one part of the page a file: `page.build_demo` puts them together, `app.py` serves the result."""
