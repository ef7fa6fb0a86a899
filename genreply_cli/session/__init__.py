"""A coordinator at work: its settings, its network, its callers, and the observers of what happens.

Read session.py first.
"""
