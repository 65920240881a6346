"""Attempts of tests: from the reports of pytest to the events of the log.

- `announced`: announced tests and their results
- `attempt`: one attempt of one test, its reports, and the event made from them
- `categories`: terminal category of a report
- `markers`: names of a test's markers, and its tags
- `proof`: comparison of the recorded counts with those of pytest
- `state_machine`: open attempts, and the table of what ends each
- `tally`: recorded counts by terminal category
- `texts`: failure text, reason and captured output of reports
- `values`: plain values of reports that other plugins may have changed
"""
