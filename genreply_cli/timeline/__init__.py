"""Steps drawn as rows of text, in five views.

Read timeline.py first; kinds.py is the table of how each kind of step looks.
"""
