"""What a page or a record of a shop says of its products."""
