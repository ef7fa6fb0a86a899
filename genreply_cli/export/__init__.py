"""A transcript as something else: one module for each format, and formats.py, the table of them.

Read formats.py first.
"""
