"""What a deferred reply costs: `genreply bench`, and the raw asyncio that it is compared with.

Read run.py first.
"""
