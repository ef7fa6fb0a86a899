"""What became of a call, in words, beside the lines of Python and Elixir that did it.

Read story.py first. meaning.py holds the sentences, quotes.py the lines of code.
"""
