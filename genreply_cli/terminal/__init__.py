"""What a program needs to use a terminal: colours, width, a status line, progress, stdin.

output.py decides how a stream is written to; screen.py writes to it. Read screen.py first.
"""
