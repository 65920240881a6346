"""Import formats of other tools, each behind the protocol `Importer`.

- `protocol`: the protocol, the file that is read, and the report that it becomes.
- `registry`: all formats, and which of them a file has.
- `identity`: node ids of tests that a file names in other ways.
- `attempts`: attempts of tests as events of the log.
- `values`: numbers and times as other tools write them.
- `junit`: JUnit XML, in a folder of its own.
- `json_files`: common parts of the formats that are JSON.
- `reportlog`, `json_report`: pytest-reportlog and pytest-json-report.
- `ctrf`, `allure`, `buildkite`: CTRF, Allure results, Buildkite test collectors.
"""
