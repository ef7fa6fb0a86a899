"""The commands as people type them. Each command declares its options in app.py and does its work in its own module.

Read app.py first.
"""
