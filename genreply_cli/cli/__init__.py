"""The commands as people type them: app.py declares them, and each does its work in its own module.

Read app.py first.
"""
