"""A transcript as something else: one module for each format, and the table of them in formats.py.

To add a format, write a module here that has `render(header, steps)`, and add its row to the table.
The picture of svg.py is made in three steps: chart.py says what it shows, svg_layout.py where that
stands, svg_picture.py how it is drawn. html.py puts it into a page; side_by_side.py has two.
"""
