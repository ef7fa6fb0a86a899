"""A transcript on the whole screen, which steps forward and back.

state.py holds where the player is, keys.py changes it, view.py draws it. Read keys.py first.
"""
