"""A certificate for the name localhost that nobody but a test trusts. Its key is no secret."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIUKDiiso518ipCUS+CyByF8si0DAMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEzNTU1M1oYDzIxMjYxMDI5
MTM1NTUzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARIAC/h33rlCv4jq3mgM52mvLDjyCnK8hZOCpVo/7s2XqF7f68Dzo3f
0VqDWcn8nXfVK0ffDiFxNOp77eWeDAQ3o2kwZzAdBgNVHQ4EFgQUBod7bBykv/57
iWTSQoP9xJAGJvMwHwYDVR0jBBgwFoAUBod7bBykv/57iWTSQoP9xJAGJvMwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgHueoUarqOrPYYsX6fW+N/uLbkOo5xC7ZnHxjhV+nWUECIHExF+pW6u7a
OaqIQesiikSeNcYcVmK6wY8DmYpQOVqJ
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZqjUhU5dYzyhKvlp
Y2J6FnVk+cMMmPfQYs75/jRPkCShRANCAARIAC/h33rlCv4jq3mgM52mvLDjyCnK
8hZOCpVo/7s2XqF7f68Dzo3f0VqDWcn8nXfVK0ffDiFxNOp77eWeDAQ3
-----END PRIVATE KEY-----
"""


def server_context(folder: Path) -> ssl.SSLContext:
    """For a server; the standard library reads certificates from files only."""
    file = folder / "certificate.pem"
    file.write_text(CERTIFICATE + KEY, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def trusting_context() -> ssl.SSLContext:
    """For a client that trusts it."""
    return ssl.create_default_context(cadata=CERTIFICATE)
