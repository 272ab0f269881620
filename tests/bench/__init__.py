"""Figures: ratios against a named floor in the same run, on the machine that they are printed with. `make bench`.

Nothing here is a test: a busy machine must not turn a build red.
"""
