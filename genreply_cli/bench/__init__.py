"""What a deferred reply costs: `genreply bench` measures it beside raw asyncio.

Read figures.py first. baseline.py is the raw asyncio, and the same work as servers.
"""
