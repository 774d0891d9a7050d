"""Feeds, reads, matches and searches Patients; fhir.resources, which knows the standard's every element, judges the answers."""
import json, sys, urllib.request, urllib.error
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.patient import Patient

base = f"http://{sys.argv[1]}/fhir"

def ask(method, path, resource=None):
    body = None if resource is None else resource.encode()
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/fhir+json"}
    request = urllib.request.Request(f"{base}/{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()

def patient(system, value, **more):
    return Patient(
        identifier=[{"system": f"urn:oid:{system}", "value": value}],
        name=[{"use": "official", "family": "Muster", "given": ["Erika", "Maria"], "suffix": ["Jr"]},
              {"use": "maiden", "family": "Gabler", "given": ["Erika"]}],
        gender="female", birthDate="1964-08-12", multipleBirthInteger=2,
        telecom=[{"system": "phone", "value": "+1 617 555 0142"}, {"system": "email", "value": "erika@example.org"}],
        address=[{"use": "home", "line": ["12 Elm St", "Apt 4"], "city": "Boston", "state": "MA", "postalCode": "02139"}],
        extension=[{"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Roth"}],
        **more)

first = patient("2.999.1.1", "1")
status, body = ask("PUT", "Patient?identifier=urn:oid:2.999.1.1%7C1", first.model_dump_json())
assert status == 201, body
stored = Patient.model_validate_json(body)
assert stored.name[0].family == "Muster" and stored.name[0].given == ["Erika", "Maria"], body
assert str(stored.birthDate) == "1964-08-12" and stored.multipleBirthInteger == 2
assert stored.address[0].line == ["12 Elm St", "Apt 4"]
assert stored.extension[0].valueString == "Roth"

status, body = ask("POST", "Patient", patient("2.999.1.2", "S1").model_dump_json())
assert status == 201, body
assert Patient.model_validate_json(body).id == stored.id, body

status, body = ask("GET", f"Patient/{stored.id}")
read = Patient.model_validate_json(body)
assert status == 200 and sorted(it.value for it in read.identifier) == ["1", "S1"], body

asked = Parameters(parameter=[{"name": "resource", "resource": first}, {"name": "count", "valueInteger": 3}])
status, body = ask("POST", "Patient/$match", asked.model_dump_json())
bundle = Bundle.model_validate_json(body)
assert status == 200 and bundle.total == 1, body
assert bundle.entry[0].search.extension[0].valueCode == "certain", body
assert 0.99 < bundle.entry[0].search.score <= 1

status, body = ask("GET", "Patient?family=must&birthdate=1964-08-12")
assert status == 200 and Bundle.model_validate_json(body).total == 1, body

status, body = ask("GET", "Patient/$ihe-pix?sourceIdentifier=urn:oid:2.999.1.1%7C1&targetSystem=urn:oid:2.999.1.2")
found = Parameters.model_validate_json(body)
assert status == 200 and found.parameter[0].valueIdentifier.value == "S1", body

for path in ["Patient/nobody", "Nothing", "Patient?deceased=true"]:
    status, body = ask("GET", path)
    assert status >= 400, path
    OperationOutcome.model_validate_json(body)

status, body = ask("GET", "metadata")
assert status == 200
CapabilityStatement.model_validate_json(body)
print("agreed")
