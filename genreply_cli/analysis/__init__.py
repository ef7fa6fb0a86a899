"""Questions put to a whole transcript: is it possible (check), how many and how long (stats), what differs (diff).

Read check.py first: it states the laws of the runtime.
"""
