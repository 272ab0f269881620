"""For all tests: a busy machine must not turn a property red."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
