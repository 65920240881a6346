"""The commands of the collector.

serve      run it
access     API keys and teams
keys       `insight keys`
teams      `insight teams`
database   upgrade, check, back up and restore its database
sync       send to it and fetch from it
answering  the process in which the collector runs questions
"""
