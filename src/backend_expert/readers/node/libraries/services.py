"""Services outside that have a package of their own: mail over SMTP, and S3, SQS, SNS and SES of Amazon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.readers.code import Piece
from backend_expert.readers.node.drafts import Draft, Kind
from backend_expert.readers.node.values import UNKNOWN, Foreign, Made, Resource, Value, is_open, literal, pieces, word
from backend_expert.readers.node.values import member as field_of
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = words(
    "nodemailer @nestjs-modules/mailer @nest-modules/mailer aws-sdk @aws-sdk/client-s3 @aws-sdk/client-sqs @aws-sdk/client-sns "
    "@aws-sdk/client-ses @aws-sdk/client-sesv2"
)
KINDS = frozenset({"mail", "amazon"})

_SERVICES = {"S3": "s3", "S3Client": "s3", "SQS": "sqs", "SQSClient": "sqs", "SNS": "sns", "SNSClient": "sns"} | {
    "SES": "email",
    "SESClient": "email",
    "SESv2Client": "email",
    "SESV2": "email",
}
_SENDS = words("sendMessage sendMessageBatch publish publishBatch")
_QUIET = words("config destroy middlewareStack receiveMessage deleteMessage on")


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the client that `new S3Client({})` or `new AWS.S3()` makes."""
    service = _SERVICES.get(maker.name)
    if service is None:
        return None
    endpoint = field_of(call.argument(0), "endpoint")
    address = pieces(endpoint) if not is_open(endpoint) else (Piece(f"https://{service}.amazonaws.com"),)
    return Resource("amazon", {"service": service, "address": address}, call.frame.evidence(call.node))


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the transport that `nodemailer.createTransport(...)` makes."""
    if callee != Foreign("nodemailer", ("createTransport",)):
        return None
    host, port = field_of(call.argument(0), "host"), field_of(call.argument(0), "port")
    facts: dict[str, object] = {
        "address": pieces(host) if not is_open(host) else (),
        "port": pieces(port) if not is_open(port) else (),
    }
    return Resource("mail", facts, call.frame.evidence(call.node))


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the client that a parameter of such a type is."""
    if kind.name in {"MailerService", "Transporter"}:
        return Resource("mail", {"address": (), "port": ()}, frame.evidence(node))
    service = _SERVICES.get(kind.name)
    if service is None:
        return None
    return Resource("amazon", {"service": service, "address": (Piece(f"https://{service}.amazonaws.com"),)}, frame.evidence(node))


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a client gives back."""
    if owner.kind == "mail":
        return _call(owner, "smtp", call) if name == "sendMail" else None
    command = call.argument(0)
    given = command
    if name == "send" and isinstance(command, Made):
        name = command.maker.name.removesuffix("Command")
        name, given = name[:1].lower() + name[1:], command.arguments[0] if command.arguments else UNKNOWN
    service = str(owner.facts["service"])
    if name in _QUIET:
        return UNKNOWN
    if service in {"sqs", "sns"}:
        return _publish(service, given, call) if name in _SENDS else UNKNOWN
    return _call(owner, "http", call)


def _call(owner: Resource, protocol: str, call: Call) -> Value:
    address, port = owner.facts.get("address"), owner.facts.get("port")
    target = call.frame.unit.target(
        protocol=protocol,
        address=address if isinstance(address, tuple) else (),
        port=port if isinstance(port, tuple) else (),
        evidence=call.frame.evidence(call.node),
    )
    return call.emit(Draft(Kind.CALL, target=target))


def _publish(service: str, given: Value, call: Call) -> Value:
    """Add a message to the queue or topic at the end of a URL or ARN."""
    named = field_of(given, "QueueUrl", "TopicArn")
    channel = literal(named).replace(":", "/").rpartition("/")[2] or word(named)
    unknown = next((piece.variable or piece.hole for piece in pieces(named) if piece.variable or piece.hole), "") if named else ""
    target = call.frame.unit.channel_target(
        call.frame.unit.connection(service), channel=channel or unknown, evidence=call.frame.evidence(call.node)
    )
    return call.emit(Draft(Kind.PUBLISH, target=target, confirmed=True, persistent=True))
