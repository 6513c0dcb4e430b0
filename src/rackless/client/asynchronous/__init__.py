"""The client for asyncio. What `synchronous` is written from."""
