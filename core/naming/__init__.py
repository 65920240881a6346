"""Words that users write for a session, a commit or a side of a comparison, and what they mean.

- `gitrefs`: commits by git refs: `main`, `HEAD~1` or a tag, resolved in the checkout around the current folder.
- `meanings`: what a word of a comparison means: a session, system, branch, span of time, commit or git ref.
- `moved_tests`: lost tests that are still there: their file was renamed, as git says.
- `nearest`: names that are nearly what was written, for messages about unknown names.
- `newest`: sessions of a history, the newest first, read page by page.
- `renames`: files that were renamed between two commits, as git says it where a checkout is.
- `sides`: the two sides of a comparison: what a word means, and which sessions are compared if no word is given.
"""
