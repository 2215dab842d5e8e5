"""A stable place for what passed its gates: whole versions, and one file that says which holds."""

from lingraft.publish.place import Place
from lingraft.publish.record import Current, Published, Turn

__all__ = ["Current", "Place", "Published", "Turn"]
