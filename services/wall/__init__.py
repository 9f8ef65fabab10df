"""The wall: an unattended display of the indicators, pushed as they change.

It reads the live counters alone and asks no database.
"""

from services.wall.routes import Wall, build_wall

__all__ = ["Wall", "build_wall"]
