"""The collector: the test results of a team in one place, over HTTP.

Nothing is imported here: a recorder that never sends anything loads none of it.
"""
