"""How a shop is asked: the crawler, its manners, its guard, its cache."""
