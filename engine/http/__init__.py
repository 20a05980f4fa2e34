"""The way in: the aiohttp server, its routes, and what they take and answer."""
