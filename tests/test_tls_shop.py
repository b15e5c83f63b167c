"""The crawler over HTTPS: whose certificates it trusts, and the guard behind TLS."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bestseller.base.errors import BestsellerError
from bestseller.page.assemble import CrawlResult
from bestseller.web.crawl import crawl_site
from bestseller.web.site import Site
from loopback import Answer, Shop, page, png, sitemap


class Authority:
    """A certificate authority of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._sign(self._name, self._key, basic)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, address: str) -> ssl.SSLContext:
        """Return the TLS settings of a server at an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._sign(name, key, names)
        chain = self.folder / f"server-{address}.pem"
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def tls_shop(**pages: Answer) -> Shop:
    names = ["a", *(name for name in pages if "/" not in name)]
    return Shop(
        {
            "/robots.txt": Answer(b"Sitemap: /sitemap.xml"),
            "/sitemap.xml": sitemap([f"/products/{name}" for name in names], origin=""),
            "/products/a": page("a", ["/a.png"]),
            "/a.png": Answer(png(1)),
        }
        | {f"/products/{name}": answer for name, answer in pages.items()}
    )


def crawl_tls(url: str, folder: Path) -> CrawlResult:
    site = Site(url, folder / "cache", delay_s=0, concurrency=4, timeout_s=10)
    return crawl_site(site, folder / "images", min_found_share=0.1, max_lost_photo_share=1.0)


def test_an_untrusted_certificate_is_refused(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    shop = tls_shop()
    with (
        shop.serve(authority.server("127.0.0.1")) as url,
        pytest.raises(BestsellerError, match="no trusted TLS connection") as error,
    ):
        crawl_tls(url, tmp_path)
    assert "\n" not in str(error.value) and "SSL_CERT_FILE" in str(error.value)
    assert shop.asked == []


def test_a_certificate_of_another_host_is_refused(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    shop = tls_shop()
    with (
        shop.serve(authority.server("127.0.0.9")) as url,
        pytest.raises(BestsellerError, match="the certificate is another host's") as error,
    ):
        crawl_tls(url, tmp_path)
    assert "\n" not in str(error.value)
    assert shop.asked == []


def test_a_shop_with_a_trusted_certificate_is_crawled(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its redirects and pictures lead to no other port of this machine, with TLS or without."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    plain = Shop({"/s.png": Answer(png(7)), "/products/v": page("v", [])})
    other = Shop({"/s.png": Answer(png(8))})
    tls = authority.server("127.0.0.1")
    with plain.serve() as plain_url, other.serve(tls) as other_url:
        shop = tls_shop(
            away=Answer(status=302, headers={"Location": f"{plain_url}/products/v"}),
            picture=page("picture", [f"{other_url}/s.png", f"{plain_url}/s.png", "/moved.png"]),
        )
        shop.pages["/moved.png"] = Answer(status=302, headers={"Location": f"{other_url}/s.png"})
        with shop.serve(tls) as url:
            result = crawl_tls(url, tmp_path)
    assert plain.asked == other.asked == []
    assert [(product.sku, len(product.images)) for product in result.products] == [
        ("a", 1),
        ("picture", 0),
    ]
    assert {row.url: row.reason for row in result.rejects} == {
        f"{url}/products/away": f"refused: {plain_url}/products/v is not of the shop's origin",
        f"{url}/moved.png": f"refused: {other_url}/s.png is no public address",
        f"{other_url}/s.png": f"refused: {other_url}/s.png is no public address",
        f"{plain_url}/s.png": f"refused: {plain_url}/s.png is no public address",
    }
