"""What became of a call, in words, beside the lines of Python and Elixir that did it.

Read story.py first.
"""
