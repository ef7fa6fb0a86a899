"""What an observer saw, as plain steps: made from the events of the runtime, kept in a file, and read back.

Read tracer.py first.
"""
