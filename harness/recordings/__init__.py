"""Recordings in many formats, and datasets of their windows, described by a TOML file.

A *dataset file* says where recordings are, whose they are and how windows and classes come from them
(docs/dataset-files.md); `ecgbench.recordings.description.Description` has its keys.  A plugin in Python may use
the readers and the pieces alone::

    from ecgbench.recordings.wfdb import read

    recording = read(folder, "100", marks="atr")

Importing `ecgbench.recordings.spec` costs no numpy, so a light module can turn dataset files into specs.
"""
