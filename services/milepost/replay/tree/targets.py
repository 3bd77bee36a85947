"""Checkpoints are carried to where who runs the journal cannot take them back: a folder, or a bucket with locks."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
import re
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from milepost.replay.tree import durable
from milepost.replay.tree.folder import DIGITS

if TYPE_CHECKING:
    from minio import Minio

RETENTION_DAYS = 3650  # ten years: the longest that the retention of business records asks for where we know it
DAYS_MAX = 36_500
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
TRIES_S = 20.0  # of one request: the next round tries again


class TargetError(RuntimeError):
    """A checkpoint that could not be carried outside; `code` is `target_invalid`, `target_failed` or `target_differs`.

    `target_differs`: another checkpoint of this size lies there, so that one of the two logs is not this one.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Target(Protocol):
    """Where checkpoints go; putting the same one again does nothing."""

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Keep *note*; raises TargetError."""
        ...


class FileTarget:
    """Writes `{folder}/{tenant}/{size:016d}` once, readable and never writable: a mount that another host exports."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Keep *note*; raises TargetError."""
        await asyncio.to_thread(self._put, self._folder / tenant / f"{size:0{DIGITS}d}", note)

    @staticmethod
    def _put(path: Path, note: bytes) -> None:
        try:
            durable.once(path, note, stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        except durable.DiffersError as error:
            raise TargetError("target_differs", str(error)) from error
        except OSError as error:
            raise TargetError("target_failed", f"{path}: {error}") from error


class S3Target:
    """Puts objects `{prefix}/{tenant}/{size:016d}` under a lock until `days` from now; nobody deletes them before.

    The bucket is made with object lock. The mode is COMPLIANCE, which not even its owner lifts, or GOVERNANCE.
    """

    def __init__(self, client: Minio, bucket: str, prefix: str, *, mode: str, days: int) -> None:
        """Take the client and where to."""
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._mode = mode
        self._days = days

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Keep *note*; raises TargetError."""
        await asyncio.to_thread(self._put, "/".join(filter(None, [self._prefix, tenant, f"{size:0{DIGITS}d}"])), note)

    def _put(self, name: str, note: bytes) -> None:
        from minio.error import MinioException
        from minio.retention import Retention
        from urllib3.exceptions import HTTPError

        try:
            if (kept := self._kept(name)) is not None:
                if kept != note:
                    raise TargetError("target_differs", f"{self._bucket}/{name} is there with another content")
                return
            until = dt.datetime.now(dt.UTC) + dt.timedelta(days=self._days)
            # S3 takes no object with a lock whose transfer cannot be checked.
            checksum = b64encode(hashlib.sha256(note).digest()).decode()
            self._client.put_object(
                self._bucket, name, io.BytesIO(note), len(note), "text/plain; charset=utf-8",
                metadata={"x-amz-checksum-sha256": checksum, "x-amz-sdk-checksum-algorithm": "SHA256"},
                retention=Retention(self._mode, until),
            )  # fmt: skip
        except (MinioException, HTTPError, ValueError, OSError) as error:
            raise TargetError("target_failed", f"{self._bucket}/{name}: {error}") from error

    def _kept(self, name: str) -> bytes | None:
        from minio.error import S3Error

        try:
            response = self._client.get_object(self._bucket, name)
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()


def target_of(url: str) -> Target | None:
    """Return the target that a setting names; "" is none. Raises TargetError `target_invalid`.

    `file:///FOLDER`, or `s3://HOST[:PORT]/BUCKET[/PREFIX]?days=3650&mode=COMPLIANCE&region=eu-central-1&tls=yes`, whose
    credentials come as every S3 client takes them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or
    the machine's role.
    """
    if not url:
        return None
    parts = urlsplit(url)
    makers: dict[str, Callable[[Any], Target]] = {"file": _file, "s3": _s3}
    if parts.scheme not in makers:
        raise TargetError("target_invalid", f"{url}: a target is file:///FOLDER or s3://HOST/BUCKET")
    return makers[parts.scheme](parts)


def _file(parts: Any) -> FileTarget:
    if parts.netloc or not parts.path.startswith("/") or parts.query:
        raise TargetError("target_invalid", "file: takes an absolute folder: file:///FOLDER")
    return FileTarget(Path(unquote(parts.path)))


def _s3(parts: Any) -> S3Target:
    bucket, _, prefix = unquote(parts.path).strip("/").partition("/")
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    days = given.pop("days", str(RETENTION_DAYS))
    mode = given.pop("mode", "COMPLIANCE")
    tls = given.pop("tls", "yes")
    region = given.pop("region", None)
    if given or not (_HOST.fullmatch(parts.netloc) and bucket):
        raise TargetError("target_invalid", "s3: s3://HOST[:PORT]/BUCKET[/PREFIX] with days, mode, region, tls alone")
    if not (days.isdecimal() and 1 <= int(days) <= DAYS_MAX and mode in ("COMPLIANCE", "GOVERNANCE")):
        raise TargetError("target_invalid", f"s3: days is 1 to {DAYS_MAX}, mode COMPLIANCE or GOVERNANCE")
    if tls not in ("yes", "no"):
        raise TargetError("target_invalid", "s3: tls is yes or no")
    try:
        from minio import Minio
        from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider
    except ImportError as error:
        raise TargetError("target_invalid", "s3: install milepost[s3]") from error
    from urllib3 import PoolManager, Retry, Timeout

    http = PoolManager(timeout=Timeout(total=TRIES_S), retries=Retry(total=1), cert_reqs="CERT_REQUIRED")
    provider = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()])
    try:
        client = Minio(parts.netloc, credentials=provider, secure=tls == "yes", region=region, http_client=http)
    except ValueError as error:
        raise TargetError("target_invalid", f"s3: {error}") from error
    return S3Target(client, bucket, prefix, mode=mode, days=int(days))
