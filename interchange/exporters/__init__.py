"""Export formats that other tools read.

- `sessions`: a session as exporters take it, read from the log.
- `registry`: all formats, and writing one.
- `junit`: JUnit XML in three families.
- `ctrf`: CTRF.
- `trace`: a trace for Perfetto and Chrome.
- `otlp`: spans of OpenTelemetry as JSON.
- `markdown`, `github`, `badge`: a summary, annotations of a workflow, and a picture of a line.
"""
