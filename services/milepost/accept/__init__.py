"""A command arrives from the bus, is decided on the newest state, appended, and answered: accepted means committed."""

from milepost.accept.committer import Committer
from milepost.accept.crossing import Far, Near
from milepost.accept.deciding import Ticket
from milepost.accept.decoding import Decoder
from milepost.accept.hinting import Hints
from milepost.accept.reviewing import Reviews
from milepost.accept.service import AcceptService

__all__ = ["AcceptService", "Committer", "Decoder", "Far", "Hints", "Near", "Reviews", "Ticket"]
