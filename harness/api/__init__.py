"""The Python API: one file for each public function.

The package ``ecgbench`` offers these functions by name and imports them at first use.  The commands print
the results of the same functions.  Nothing in this room prints.
"""
