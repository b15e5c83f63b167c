"""How shops of many languages label what their product pages show: regular expressions."""
# ruff: noqa: RUF001 (letters of many scripts)

# Names of the option of a product that tells its colour.
COLOUR = "|".join(
    [
        "colou?rs?|colou?rways?|farben?|farbton|couleurs?|coloris|colore|colori|cor|cores|kleur|kleuren",
        "färg|farve|farge|väri|litur|kolor|kolory|barva|barvy|boja|szín|culoare|culori|värv|krāsa",
        "spalva|renk|warna|màu(?: sắc)?|цвет|колір|цвят|боја|χρώμα|צבע|لون|اللون|สี",
        "色|カラー|颜色|顏色|색상|색깔|컬러",
    ]
)

# Numbers by which a shop tells its own articles apart.
SKU = "|".join(
    [
        "asin|sku|post id|stock code|web ?code|(?:ebay )?item (?:number|no\\.?|id|code)",
        "product ?(?:code|id|number|no\\.?)|catalog(?:ue)? (?:number|no\\.?)|cat\\.? no\\.?",
        "art(?:ikel|\\.)?[ .-]*(?:nr|nummer|no)\\.?|bestell-?(?:nr|nummer)\\.?|objektnummer",
        "anzeigen-?(?:id|nr)\\.?|num[ée]ro de l'objet|numero oggetto",
        "c[óo]digo d[eo]l? (?:produto|producto)|cod(?:ice)?\\.? ?(?:articolo|prodotto|produs)",
        "šifra(?: artikla)?|k[óo]d produktu|артикул|код товара",
        "商品番号|商品編號|商品コード|貨號",
    ]
)

# Numbers that may be the shop's own or the manufacturer's.
REFERENCE = (
    r"r[ée]f(?:[ée]rence)?\.?(?: produit)?|c[óo]digo|cod\.|k[óo]d|(?:item )?model(?: number| no\.?)"
)

BRAND = "|".join(
    [
        "brand(?: name)?|make ?/ ?manufacturer|make|manufacturer|marke|hersteller|marca|marque",
        "merk|märke|mærke|značka|(?:blagovna )?znamka|brend|marka|fabricant|fabbricante|fabricante",
        "produttore|producător|výrobca|výrobce|proizvajalec|proizvođač|producent",
        "бренд|производитель|ブランド|メーカー|品牌",
    ]
)

# Lines under a product's name that speak of its brand; the group is the brand.
BYLINE = [
    r"visit the (.+?) store",
    r"besuchen? sie den (.+?)[- ]store",
    r"visiter la boutique (.+)",
    r"visita lo store di (.+)",
    r"visita la tienda de (.+)",
    r"(?:by|von) (.+)",
    r"(?:brand|marke|marca|marque)\s*:\s*(.+)",
]

OUT_OF_STOCK = "|".join(
    [
        "out of stock|sold out|(?:currently|temporarily) unavailable|no longer available",
        "nicht (?:auf lager|verfügbar|lieferbar)|derzeit nicht|ausverkauft",
        "rupture de stock|épuisé|actuellement indisponible|non disponibile|esaurito",
        "agotado|no disponible|esgotado|indisponível|uitverkocht|niet op voorraad",
        "vypredané|vyprodáno|není skladem|nije dostupno|rasprodano|brak w magazynie|niedostępny",
        "stoc epuizat|indisponibil|нет в наличии|缺貨|補貨中|売り切れ|在庫切れ",
    ]
)
