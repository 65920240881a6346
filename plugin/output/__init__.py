"""Text that pytest shows or captures.

- `cut_output`: captured output of a test that was interrupted or timed out
- `sections`: sections of the terminal output
"""
