"""One module for each change of the schema.

- `r0001_segments`: teams, keys, segments, streams, conflicts
- `r0002_views`: sessions, results, counts a day
- `r0003_documented`: tables for other programs
- `r0004_row_security`: rows of the own team alone
- `r0005_packed`: columns of sessions for questions
- `r0006_objects`: work on objects of a bucket
- `r0007_logins`: browsers that have logged in
- `r0008_digests`: digests of sessions, lines of failures
"""
