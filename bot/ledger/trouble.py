"""What can be wrong with a database, whichever it is."""

from enum import StrEnum


class Trouble(StrEnum):
    """What is to be done about an error of the database."""

    FAULT = "fault"  # the code is wrong, not the ledger
    OVERTAKEN = "overtaken"  # another transaction was first: the whole of this one can be repeated
    LOST = "lost"  # the connection is: likewise
    BUSY = "busy"  # another process writes, and was waited for
    UNUSABLE = "unusable"
