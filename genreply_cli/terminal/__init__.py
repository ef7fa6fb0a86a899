"""What a terminal needs, whoever draws on it: colours, width, a status line, progress, stdin.

Read screen.py first.
"""
