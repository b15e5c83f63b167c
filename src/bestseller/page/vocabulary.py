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
        "nº de art[íi]culo|n[úu]mero de art[íi]culo|ref\\.? de art[íi]culo|n[º°] d'article",
        "num[ée]ro d'article|code article|refer[êe]ncia do produto|c[óo]d\\.? do produto",
        "artikelcode|artikelnummer|productcode|productnummer|best\\.-?nr\\.?|varenummer|varenr\\.?",
        "vare ?nr\\.?|art\\.?nr\\.?|tuotenumero|tuotekoodi|vörunúmer|tootekood|artikli kood",
        "preces kods|prekės kodas|numer katalogowy|nr katalogowy|kod (?:produktu|towaru|artykułu)",
        "(?:objednací )?číslo (?:produktu|zboží|tovaru|artiklu)|kód (?:produktu|zboží|tovaru)",
        "katalógové číslo|cikkszám|termékkód|cod produs|cod articol|šifra (?:proizvoda|izdelka)",
        "шифра(?: производа)?|артикул(?: товара)?|код (?:товара|товару|продукта|на продукта)",
        "номер товара|κωδικός(?: προϊόντος)?|ürün (?:kodu|no)|stok kodu",
        "商品番号|商品编号|商品編號|商品コード|商品番號|商品货号|貨號|货号|品番|型番|管理番号",
        "상품번호|상품코드|품번|모델명|제품번호",
    ]
)

# What stands before the price that is asked.
PRICE = "|".join(
    [
        "(?:our |sale |your |current )?price|now(?: only)?",
        "(?:unser |aktueller )?preis|jetzt(?: nur)?",
        "(?:notre )?prix|(?:nuestro )?precio|prezzo|pre[çc]o|(?:onze )?prijs|nu voor|pris|hinta",
        "verð|hind|cena|kaina|(?:naše )?cena|cijena|ár|bruttó ár|preț|pret|цена|ціна|τιμή|fiyat",
        "価格|販売価格|税込価格|价格|售价|现价|價格|售價|特價|가격|판매가|판매가격|할인가",
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
        "varumärke|tillverkare|mærke|produsent|valmistaja|tuotemerkki|vörumerki|framleiðandi",
        "bränd|tootja|zīmols|ražotājs|prekės ženklas|gamintojas|márka|gyártó|fabricant|fabrikant",
        "merknaam|márkanév|proizvajalec|robna marka|proizvođač|производител|марка|бренд|виробник",
        "производитель|произвођач|бренд|μάρκα|κατασκευαστής|üretici|marcă|fabricação",
        "ブランド(?:名)?|メーカー(?:名)?|品牌|牌子|制造商|製造商|브랜드(?:명)?|제조사|제조업체",
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
        "stoc epuizat|indisponibil|нет в наличии|немає в наявності|няма наличност|изчерпан",
        "slutsåld|ej i lager|slut i lager|udsolgt|ikke på lager|utsolgt|loppuunmyyty",
        "ei varastossa|ei saatavilla|uppselt|otsas|läbi müüdud|nav noliktavā|izpārdots|išparduota",
        "neturime|elfogyott|nincs raktáron|nem elérhető|ni na zalogi|razprodano|nema na stanju",
        "εξαντλήθηκε|μη διαθέσιμο|tükendi|stokta yok",
        "缺貨|缺货|補貨中|补货中|售罄|已售完|暂时无货|無庫存",
        "売り切れ|在庫切れ|在庫なし|品切れ|품절|재고 ?없음",
    ]
)
