"""Searches, saves, reads, merges and deletes Patients with fhirpy, as a portal that knows nothing of this server would."""
import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

client = SyncFHIRClient(f"http://{sys.argv[1]}/fhir", authorization="Bearer secret")
NORTH, SOUTH = "urn:oid:2.999.1.1", "urn:oid:2.999.1.2"


def patient(system, value, family, born, **more):
    return client.resource(
        "Patient", identifier=[{"system": system, "value": value}],
        name=[{"use": "official", "family": family, "given": ["Erika"]}], gender="female", birthDate=born,
        telecom=[{"system": "phone", "value": "2175550123"}],
        address=[{"line": ["12 Elm St"], "city": "Boston", "state": "MA", "postalCode": "02139"}], **more)


first = patient(NORTH, "1", "Muster", "1964-08-12")
first.create()
second = patient(SOUTH, "S1", "Muster", "1964-08-12")
second.create()
assert first.id == second.id, "one person"
other = patient(NORTH, "2", "Beispiel", "1931-03-03")
other.create()
assert other.id != first.id

# Pages, one after the other, and by the client's own words for comparisons.
found = client.resources("Patient").search(family="muster,beispiel").limit(1).fetch_all()
assert sorted(it.id for it in found) == sorted([first.id, other.id]), found
born = client.resources("Patient").search(family="muster", birthdate__ge="1960", birthdate__lt="1970")
assert born.fetch_raw()["total"] == 1 and born.first().id == first.id
assert client.resources("Patient").search(identifier=f"{SOUTH}|S1").get().id == first.id

read = client.reference("Patient", first.id).to_resource()
assert sorted(it["value"] for it in read["identifier"]) == ["1", "S1"]

matched = client.resource("Parameters", parameter=[
    {"name": "resource", "resource": patient(SOUTH, "S7", "Muster", "1964-08-12").serialize()}])
bundle = client.execute("Patient/$match", method="post", data=matched.serialize())
assert bundle["entry"][0]["resource"]["id"] == first.id, bundle
assert bundle["entry"][0]["search"]["extension"][0]["valueCode"] == "certain", bundle
mapped = client.execute("Patient/$ihe-pix", method="get", params={"sourceIdentifier": f"{NORTH}|1", "targetSystem": SOUTH})
assert mapped["parameter"][0]["valueIdentifier"]["value"] == "S1", mapped

# One is the other: ITI-104 says so by a link.
gone = patient(NORTH, "2", "Beispiel", "1931-03-03", active=False, link=[
    {"other": {"identifier": {"system": NORTH, "value": "1"}}, "type": "replaced-by"}])
client.execute("Patient", method="put", params={"identifier": f"{NORTH}|2"}, data=gone.serialize())
trace = client.reference("Patient", other.id).to_resource()
assert trace["active"] is False and trace["link"][0]["type"] == "replaced-by", trace
assert trace["link"][0]["other"]["reference"].endswith(first.id), trace

client.execute("Patient", method="delete", params={"identifier": f"{SOUTH}|S1"})
read = client.reference("Patient", first.id).to_resource()
assert [it["value"] for it in read["identifier"]] == ["1"], read
try:
    client.reference("Patient", "nobody").to_resource()
    raise AssertionError("nobody was found")
except ResourceNotFound:
    pass
try:
    client.resources("Patient").search(deceased="true").fetch()
    raise AssertionError("a parameter that is not known was taken")
except OperationOutcome as refused:
    assert refused.resource["issue"][0]["code"] == "not-supported", refused
print("agreed")
