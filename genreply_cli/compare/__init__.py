"""`genreply compare`: each coordinator under each fault, in numbers and in words.

Read trial.py first: it runs a real coordinator. rows.py has one row for each coordinator and fault,
and its verdict; table.py writes the rows as text, and picture.py as SVG and HTML.
"""
