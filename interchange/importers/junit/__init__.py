"""JUnit XML.

- `importer`: the import format.
- `cases`: its test cases as attempts of tests.
- `suites`: its suites and totals.
- `verdicts`: the verdict of one test case.
- `xml_parser`: a parser that refuses what is dangerous.
- `xml_text`: the bytes of an XML file as text.
"""
