"""Registers, maps, links, unlinks and merges patients with python-hl7: its MLLP client sends, its parser reads."""
import sys

import hl7
from hl7.client import MLLPClient

host, port = sys.argv[1].rsplit(":", 1)


def message(facility, kind, control, *segments):
    header = rf"MSH|^~\&|REG|{facility}|MPI|HIE|20260301101500||{kind}|{control}|P|2.5"
    return hl7.parse("\r".join([header, *segments]) + "\r")


def feed(facility, event, control, *segments):
    return message(facility, f"ADT^{event}", control, "EVN||20260301101500", *segments)


def query(identifier):
    return message("NORTH", "QBP^Q23^QBP_Q21", "Q", f"QPD|IHE PIX Query|T|{identifier}", "RCP|I")


def person(identifier, name, born, phone):
    return f"PID|||{identifier}||{name}||{born}|F|||12 ELM ST^^SPRINGFIELD^IL^62701||{phone}"


with MLLPClient(host, int(port)) as client:

    def ask(sent, code="AA"):
        answer = hl7.parse(client.send_message(sent).decode())
        assert str(answer.segment("MSA")[1]) == code, str(answer)
        assert str(answer.segment("MSA")[2]) == str(sent.segment("MSH")[10]), str(answer)
        assert str(answer.segment("MSH")[6]) == str(sent.segment("MSH")[4]), str(answer)
        return answer

    def pix(identifier):
        found = ask(query(identifier))
        if str(found.segment("QAK")[2]) == "NF":
            return []
        return sorted(str(cx).split("^")[0] for cx in found.segment("PID")[3])

    erika = ("MUSTER^ERIKA^M", "19640812", "2175550123")
    otto = ("BEISPIEL^OTTO", "19310303", "2175550199")
    ask(feed("NORTH", "A04", "1", person("N1^^^NORTH", *erika)))
    ask(feed("SOUTH", "A28", "2", person("S1^^^SOUTH", *erika)))
    assert pix("N1^^^NORTH") == ["S1"], pix("N1^^^NORTH")
    # Somebody else's domain.
    ask(feed("SOUTH", "A04", "3", person("N9^^^NORTH", *otto)), "AR")
    # Another number, and then a duplicate of the same hospital that is merged away.
    ask(feed("NORTH", "A47", "4", "PID|||N2^^^NORTH", "MRG|N1^^^NORTH"))
    ask(feed("NORTH", "A04", "5", person("N3^^^NORTH", *otto)))
    assert pix("N3^^^NORTH") == []
    ask(feed("NORTH", "A40", "6", "PID|||N2^^^NORTH", "MRG|N3^^^NORTH"))
    assert pix("N3^^^NORTH") == ["N2", "S1"], pix("N3^^^NORTH")
    assert pix("S1^^^SOUTH") == ["N2"], pix("S1^^^SOUTH")
    # The same message again changes nothing.
    ask(feed("NORTH", "A40", "6", "PID|||N2^^^NORTH", "MRG|N3^^^NORTH"))
    refused = ask(query("N2^^^NOBODY"), "AE")
    assert str(refused.segment("ERR")[3]).startswith("204"), str(refused)
print("agreed")
