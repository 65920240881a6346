"""HTML pages about a history: one file, complete without script and without style.

- `answers`: everything that a report shows, asked of the functions that every command asks.
- `budget`: how much fits into a size, and what is left out.
- `charts`: charts as SVG.
- `clusters`: failures by what they say, each with a text.
- `facts`: sentences about single tests.
- `grid`: the data that the script reads.
- `known`: rows of one page, with what is known of them.
- `limits`: rows of the part without script.
- `links`: links of the names on a page.
- `marks`: marks of results as shapes of SVG.
- `output`: the files.
- `page`: templates, style and script.
- `style`: colours.
- `texts`: texts as they are shown.
"""
