"""A coordinator at work: its settings, its network, its callers and its observers.

A session can be recorded, and a recording can be run again. Read session.py first, then callers.py.
"""
