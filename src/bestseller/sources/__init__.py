"""Where products may come from: a module of this package for each value of catalogue.source.

To add one, write its module with `Settings`, the section of params.yaml that bears its name, and
`Source`, see `base.Source`; name it here; put its section into params.yaml and, for DVC, its name
under scrape in dvc.yaml.
"""

SOURCES = {  # module: what the datasheet says of its catalogue
    "demo": "the embedded demo shop: made-up products, photos and sales",
    "site": "the public pages of a shop",
    "shopify": "the product list of a Shopify store",
    "folder": "a folder of pictures",
    "google_feed": "a product feed as for Google Merchant Center",
    "shopify_export": "the products that a Shopify store exported",
    "woocommerce_export": "the products that a WooCommerce shop exported",
}
