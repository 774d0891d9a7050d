"""Cleans a file in canonical columns the way an expert would before handing it to a tool that compares texts as they
are. `benches/race` does this for the peer, outside the time it measures, so that the peer is not beaten by formats.

Dates become YYYY-MM-DD, letters upper case, telephone numbers their last ten digits, postal codes their first five
characters, sex its first letter; of several values in a field the first stays; placeholders become empty.
"""
import csv
import pathlib
import re

PLACEHOLDERS = pathlib.Path(__file__).resolve().parent.parent / "datasets/reference/placeholders.csv"
KINDS = {"given_name": "name", "middle_name": "name", "family_name": "name", "birth_date": "birth_date", "ssn": "ssn",
         "street": "address", "phone": "phone", "email": "email", "postal_code": "postal_code"}
NOTHING = re.compile("(?!)")
AS_THEY_ARE = {"source", "record_id", "person_id", "identifier", "mrn", "birth_order"}


def clean(path, cleaned):
    """Writes the cleaned file."""
    placeholders = read_placeholders()
    with open(path, newline="", encoding="utf-8") as given, open(cleaned, "w", newline="", encoding="utf-8") as file:
        rows = csv.reader(given)
        header = next(rows)
        ways = [way_for(column, placeholders.get(KINDS.get(column), NOTHING)) for column in header]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([way(value) for way, value in zip(ways, row)] for row in rows)


def read_placeholders():
    """A pattern of the placeholder values of each kind, letters and digits only; `*` stands for anything."""
    found = {}
    with open(PLACEHOLDERS, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["kind"], []).append(".*".join(bare(part) for part in row["value"].split("*")))
    return {kind: re.compile("|".join(patterns)) for kind, patterns in found.items()}


def way_for(column, placeholders):
    """How the values of a column are cleaned."""
    if column in AS_THEY_ARE:
        return str
    write = {"birth_date": iso_date, "phone": last_ten_digits, "postal_code": lambda text: text[:5],
             "sex": lambda text: text[:1]}.get(column, str)

    def way(value):
        first = value.split("|")[0].strip().upper()
        return "" if not first or placeholders.fullmatch(bare(first)) else write(first)
    return way


def bare(text):
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def iso_date(text):
    """YYYYMMDD and M/D/YYYY as YYYY-MM-DD; anything else as it is."""
    if len(text) == 8 and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    return f"{american[3]}-{american[1]:0>2}-{american[2]:0>2}" if american else text


def last_ten_digits(text):
    digits = re.sub(r"\D", "", re.split(r"(?i)\s*(?:x|ext)", text)[0])
    return digits[-10:]
