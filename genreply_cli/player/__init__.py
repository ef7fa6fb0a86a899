"""A transcript on the whole screen, one step at a time, forward and back.

state.py holds where the player is; keys.py and the clock change it; view.py draws it; app.py is the
terminal around them. Read keys.py first.
"""
