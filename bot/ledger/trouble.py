"""What can be wrong with a database, whichever it is."""

from enum import StrEnum


class Trouble(StrEnum):
    """What is to be done about an error of the database."""

    FAULT = "fault"  # the code is wrong, not the ledger
    PASSING = "passing"  # another transaction was first, or the connection is lost: the whole of it can be repeated
    BUSY = "busy"  # another process writes, and was waited for
    UNUSABLE = "unusable"
