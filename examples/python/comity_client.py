"""A client of a Comity node: mutual TLS from a profile, calls with deadlines, refusals decoded.

The modules below `comity` are generated from proto/ by generate.sh.
"""

from __future__ import annotations

import time
import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from comity.node.v1 import feed_service_pb2, feed_service_pb2_grpc
from comity.node.v1 import record_service_pb2, record_service_pb2_grpc
from comity.node.v1 import search_service_pb2, search_service_pb2_grpc

# An answer may be a page of records.
LARGEST_ANSWER = 32 * 1024 * 1024
# Seconds for a call, everything together.
DEADLINE = 60


@dataclass
class Violation:
    """A rule that a record breaks: where, which, and what is allowed."""

    field: str
    rule: str
    message: str
    allowed: list[str]


class Refused(Exception):
    """What the node refused, decoded from the details of the gRPC status."""

    def __init__(self, error: grpc.RpcError):
        self.code = error.code()
        self.message = error.details() or ""
        # A stable word for programs; empty when the connection broke.
        self.reason = ""
        self.violations: list[Violation] = []
        # Seconds to wait before the same is worth trying again; None: it would be refused again.
        self.retry_after: float | None = None
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
                self.reason = info.reason
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                info = error_details_pb2.RetryInfo()
                detail.Unpack(info)
                self.retry_after = info.retry_delay.ToTimedelta().total_seconds()
            elif detail.Is(record_service_pb2.Refusal.DESCRIPTOR):
                refusal = record_service_pb2.Refusal()
                detail.Unpack(refusal)
                self.violations = [
                    Violation(of.field, of.rule, of.message, list(of.allowed))
                    for of in refusal.violations
                ]
        if not self.reason and self.code == grpc.StatusCode.UNAVAILABLE:
            self.retry_after = 0.2
        super().__init__(f"{self.message} ({self.reason or self.code.name})")


class Client:
    """A connection to the own country's node, as the profile's principal."""

    def __init__(self, profile: Path):
        settings = tomllib.loads(profile.read_text(encoding="utf-8"))

        def file(field: str) -> bytes:
            return (profile.parent / settings[field]).read_bytes()

        credentials = grpc.ssl_channel_credentials(
            root_certificates=file("ca"),
            private_key=file("key"),
            certificate_chain=file("certificate"),
        )
        # The node's certificate names it so, wherever it answers; another name is refused.
        name = f"{settings['country'].lower()}.node.comity.internal"
        self.channel = grpc.secure_channel(
            settings["address"],
            credentials,
            options=[
                ("grpc.ssl_target_name_override", name),
                ("grpc.max_receive_message_length", LARGEST_ANSWER),
            ],
        )
        self.records = record_service_pb2_grpc.RecordServiceStub(self.channel)
        self.feeds = feed_service_pb2_grpc.FeedServiceStub(self.channel)
        self.search_service = search_service_pb2_grpc.SearchServiceStub(self.channel)

    def submit(self, record, key: str | None = None):
        """Submits a record; the answer comes once it is durable. The key makes a repeat safe."""
        request = record_service_pb2.SubmitRecordRequest(
            record=record, idempotency_key=key or str(uuid.uuid4())
        )
        return call(self.records.SubmitRecord, request)

    def list(self, origin: str = "", page_size: int = 50):
        """Yields summaries of what the node holds, newest first."""
        token = ""
        while True:
            page = call(
                self.records.ListRecords,
                record_service_pb2.ListRecordsRequest(
                    origin=origin, page_size=page_size, page_token=token
                ),
            )
            yield from page.records
            token = page.next_page_token
            if not token:
                return

    def watch(self, position=None):
        """Yields (summary, position) of each record as it becomes durable, from the beginning or
        after a position. A connection that breaks is made anew, and nothing comes twice."""
        while True:
            request = record_service_pb2.WatchRecordsRequest(tell_position=True)
            if position is not None:
                request.after_number = position.number
                request.after_escalation = position.escalation
            try:
                for answer in self.records.WatchRecords(request, wait_for_ready=True):
                    position = answer.position
                    if answer.HasField("record"):
                        yield answer.record, position
            except grpc.RpcError as error:
                refused = Refused(error)
                if refused.retry_after is None:
                    raise refused from None
                time.sleep(refused.retry_after)

    def read(self, reference: str, purpose: int, case: str):
        """Opens a record for a purpose and a case; the reading is in the ledger before the answer."""
        return call(
            self.records.GetRecord,
            record_service_pb2.GetRecordRequest(
                reference=reference, reading_purpose=purpose, case_reference=case
            ),
        )

    def search(self, text: str, purpose: int = 0, case: str = ""):
        """Searches in any script. Without purpose and case, situations alone."""
        return call(
            self.search_service.Search,
            search_service_pb2.SearchRequest(
                text=text, reading_purpose=purpose, case_reference=case
            ),
        )

    def feed(self, items, feed: str = "", dry_run: bool = False):
        """Feeds items of a case system, from any iterable, and yields the answer to each in their
        order. Nothing is repeated: feed again what was not answered, or everything; what the node
        has it calls unchanged."""

        def requests():
            yield feed_service_pb2.IngestRequest(
                begin=feed_service_pb2.IngestBegin(feed=feed, dry_run=dry_run)
            )
            for item in items:
                yield feed_service_pb2.IngestRequest(item=item)

        try:
            yield from self.feeds.Ingest(requests(), wait_for_ready=True)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def close(self) -> None:
        """Ends the connection."""
        self.channel.close()


def call(method, request):
    """Makes a call that may be repeated, and repeats it while the node says that this may help."""
    ends = time.monotonic() + DEADLINE
    while True:
        left = ends - time.monotonic()
        try:
            return method(request, timeout=left, wait_for_ready=True)
        except grpc.RpcError as error:
            refused = Refused(error)
            pause = refused.retry_after
            if pause is None or time.monotonic() + pause >= ends:
                raise refused from None
            time.sleep(pause)
