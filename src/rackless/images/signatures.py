"""Whether an OVA's manifest was signed by the certificate beside it (DSP0243, 5.1). Who vouches for that is not asked."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rackless.images import ovf
from rackless.model.errors import InputError

HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}  # noqa: S303


def signer(certificate: bytes, manifest: str, text: bytes) -> str:
    """The subject of who signed.

    Args:
        certificate: the .cert file. manifest: name of the .mf file, `text` its content.

    Raises:
        InputError: the signature is not of this manifest, or not by this certificate.
    """
    named, hashed, signature, chain = ovf.signature(certificate)
    if named != manifest:
        raise InputError(f"The OVA's signature is of {named}, and its manifest is {manifest}.")
    try:
        found = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        raise InputError(f"The OVA's certificate cannot be read: {error}.") from error
    key = found.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise InputError("The OVA's certificate has no RSA key, which is what OVF signs with.")
    try:
        key.verify(signature, text, padding.PKCS1v15(), HASHES[hashed])
    except InvalidSignature as error:
        raise InputError(
            "The OVA's manifest is not what was signed, or by somebody else than the certificate says.",
            hint="Fetch it again from its vendor.",
        ) from error
    return found.subject.rfc4514_string()
