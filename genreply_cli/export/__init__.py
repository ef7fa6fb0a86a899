"""A transcript as something else: one module for each format, and the table of them in formats.py.

To add a format, write a module here that has `render(header, steps)`, and add its row to the table.
"""
