"""What is asked of a whole transcript: is it possible, what are its numbers, how does it differ?

Read check.py first: it states the laws of the runtime.
"""
