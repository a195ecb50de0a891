"""An authority of our own, and servers with good and bad certificates of it."""

import datetime
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from ipaddress import ip_address

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@attrs.frozen
class Certified:
    """Hold a key and its certificate."""

    key: object
    certificate: x509.Certificate

    def written(self, folder):
        """Write both into a file; give its path."""
        path = folder / f"{self.certificate.serial_number}.pem"
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        path.write_bytes(key + self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def certify(name, by=None, *, hosts=("127.0.0.1",), since=-DAY, until=DAY):
    """Make a certificate for hosts, by an authority, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [
        x509.IPAddress(ip_address(each)) if each[0].isdigit() else x509.DNSName(each)
        for each in hosts
    ]
    is_authority = by is None and not hosts
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name) if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + since)
        .not_valid_after(NOW + until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    signer = key if by is None else by.key
    ours = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(ours, critical=False).add_extension(theirs, critical=False)
    if is_authority:
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
            + ("key_agreement", "encipher_only", "decipher_only"),
            False,
        )
        usage |= {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    else:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Certified(key, builder.sign(signer, hashes.SHA256()))


@contextmanager
def serving(context):
    """Serve HTTPS with a context, or in plain without; give the port, and what was sent to it."""
    listening = socket.create_server(("127.0.0.1", 0))
    heard = []

    def answer():
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), plain:
                plain.settimeout(5)
                if context is None:
                    heard.append(plain.recv(65_536))
                    plain.sendall(ANSWER)
                    continue
                with context.wrap_socket(plain, server_side=True) as secure:
                    heard.append(_whole(secure))
                    secure.sendall(ANSWER)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], heard
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def _whole(connection):
    """Read a request to its end: an answer before that may be lost."""
    found = connection.recv(65_536)
    while found.startswith(b"POST") and not found.endswith((b"}", b"]")):
        found += connection.recv(65_536)
    return found


def server_side(path):
    """Give a server's context of a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
