"""Why a page shows no product: it asks for a password, or a script is to build it."""

import re
from urllib.parse import urlsplit

from lxml import etree, html
from scrapy.http import HtmlResponse, Response

from bestseller.catalogue.diagnosis import PASSWORD, SCRIPT
from bestseller.page.text import UNREAD

SHORT = 300  # characters that a reader sees; a product's page has more
RUN = ("", "module", "text/javascript", "application/javascript")  # types of scripts that are run
_DOOR = re.compile(r"/(?:password|log-?in|sign-?in|my-account|auth\w*)(?:/|\.\w+|$)", re.IGNORECASE)
# What a page for logging in calls itself; a shop's other pages may have such a form in a corner.
_LOGIN = re.compile(
    r"\b(?:log ?in|sign ?in|log ?on|pass ?word|anmeld\w*|einloggen|passwort|kennwort|connexion"
    r"|connecter|mot de passe|inici\w* sesi\w+|contraseñ\w+|acced\w+|accesso|inloggen|wachtwoord"
    r"|logga in|lösenord|zaloguj|logowanie|hasło|iniciar sess\w+|entrar|senha)\b"
    r"|ログイン|登录|登入|войти|вход",
    re.IGNORECASE,
)
_PASSWORD_FIELD = "//input[translate(@type, 'PASWORD', 'pasword')='password']"


def why_empty(response: Response) -> str:
    """Return why a page shows no product, or is no list, as far as can be told, else ""."""
    asked = response.meta.get("asked", response.url) if response.request else response.url
    was_sent_on = urlsplit(asked).path != urlsplit(response.url).path
    if was_sent_on and _DOOR.search(urlsplit(response.url).path):
        return PASSWORD
    if not isinstance(response, HtmlResponse):
        return ""
    try:
        tree = html.document_fromstring(response.body)
    except (etree.ParserError, ValueError):  # an empty page
        return ""
    scripts = [script for script in tree.iter("script") if (script.get("type") or "") in RUN]
    asks = bool(tree.xpath(_PASSWORD_FIELD))
    says_so = any(_LOGIN.search(title.text_content()) for title in tree.iter("title", "h1"))
    for element in list(tree.iter(*UNREAD)):
        element.drop_tree()
    body = tree.find(".//body")
    shown = "".join((tree if body is None else body).itertext()).split()
    is_short = sum(map(len, shown)) <= SHORT
    if asks and (says_so or is_short):
        return PASSWORD
    return SCRIPT if scripts and is_short else ""
