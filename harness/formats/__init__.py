"""Files of windows: reading, writing, and fitting their content to a dataset.

One file reads and writes one format; the table is `ecgbench.harness.formats.table.FORMATS`.  No format is
read by unpickling, and nothing is allocated on the word of a header.
"""
