"""The system side of the reference router: identity, interfaces and the internal network.

Runs with `python3 -SEs` of the image, standard library only, and without asyncio: importing it costs about a second
of an emulated boot.
"""
