"""Journal of test data, and the process that uses it.

- `data_store`: journal, state and owner of one folder
- `identity`: identity of a process, and whether another one lives
- `renewal`: thread that renews locks and the lease of this process
- `streams`: names of streams
"""
