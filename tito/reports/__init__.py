"""The only code that renders tables, JSON, CSV and HTML."""
