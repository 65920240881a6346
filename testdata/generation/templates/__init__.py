"""Templates.

- `template`: definition and rendering
- `variables`: values for the names in a template
"""
