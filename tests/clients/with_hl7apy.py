"""Registers and finds a patient with hl7apy, which builds the messages, parses and validates the answers."""
import socket, sys
from hl7apy.core import Message
from hl7apy.parser import parse_message
from hl7apy.consts import VALIDATION_LEVEL

host, port = sys.argv[1].rsplit(":", 1)
wire = socket.create_connection((host, int(port)))

def ask(message):
    wire.sendall(message.to_mllp().encode())
    data = b""
    while not data.endswith(b"\x1c\r"):
        data += wire.recv(4096)
    return data[1:-2].decode()

def header(message, kind, control):
    message.msh.msh_3 = "REG"
    message.msh.msh_4 = "NORTH"
    message.msh.msh_7 = "20260301101500"
    message.msh.msh_9 = kind
    message.msh.msh_10 = control
    message.msh.msh_11 = "P"

feed = Message("ADT_A01", version="2.5")
header(feed, "ADT^A04^ADT_A01", "PY-1")
feed.evn.evn_2 = "20260301101500"
feed.pid.pid_3 = "PY1^^^NORTH&2.999.1.1&ISO^MR"
feed.pid.pid_5 = "MUSTER^ERIKA"
feed.pid.pid_7 = "19640812"
feed.pid.pid_8 = "F"
feed.pv1.pv1_2 = "O"
ack = parse_message(ask(feed), validation_level=VALIDATION_LEVEL.TOLERANT)
assert ack.msa.msa_1.value == "AA", ack.to_er7()
assert ack.msa.msa_2.value == "PY-1"
ack.validate()

asked = Message("QBP_Q21", version="2.5")
header(asked, "QBP^Q22^QBP_Q21", "PY-2")
asked.qpd = "QPD|IHE PDQ Query|T1|@PID.5.1^MUSTER"
asked.rcp.rcp_1 = "I"
answer = ask(asked)
found = parse_message(answer, find_groups=False, validation_level=VALIDATION_LEVEL.TOLERANT)
assert found.msa.msa_1.value == "AA", answer
assert found.pid.pid_3.cx_1.value == "PY1", answer
assert found.pid.pid_5.xpn_1.value == "MUSTER", answer
print("agreed")
