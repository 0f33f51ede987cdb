"""Records, people, halves and classes, against the usual mistakes with MIT-BIH.

* Records 201 and 202 come from one tape of one person, so 48 records are 47 people.  The customary
  halves of de Chazal et al. have 201 in DS1 and 202 in DS2, this person on both sides; here 202 is
  moved to 201's side.
* Four records are paced: they are left out, as ANSI/AAMI EC57 says, and with them class Q.  Elsewhere
  it has 15 beats (unclassifiable, symbol Q), too few for a class.
* Symbols tell beats from other annotations, and give their classes.

Sources: record notes of the MIT-BIH Arrhythmia Database Directory; ANSI/AAMI EC57:2012; de Chazal,
O'Dwyer, Reilly, IEEE TBME 51(7):1196-1206, 2004, doi:10.1109/TBME.2004.827359.
"""

CLASSES = ("N", "S", "V", "F")
"""AAMI classes: normal and bundle branch block, supraventricular and ventricular ectopic, fusion."""

HEADLINE_CLASSES = ("N", "S", "V")
"""Nearly all F beats are two people's (208 and 213), one in each half, so F is never ranked."""

SYMBOLS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F"}
"""The annotation symbols of each class; any other symbol is no beat, or of a class left out."""

UNCLASSED = "/fQ"
"""Symbols of class Q: paced beats, fusions with a paced beat, unclassifiable beats."""

# fmt: off
DS1 = (
    101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122,
    124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230,
)
DS2 = (
    100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210,
    212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234,
)
# fmt: on
"""The customary halves, by record."""

PACED = (102, 104, 107, 217)

RECORDS = tuple(sorted(DS1 + DS2))
"""The records of the dataset, in the order of its windows."""


def person(record: int) -> int:
    """Return the patient number of a record: its own, but 202 is the person of 201."""
    return 201 if record == 202 else record


HALVES = (DS1, tuple(record for record in DS2 if person(record) == record))
"""The customary halves, by person: 22 (with record 202) and 21."""
