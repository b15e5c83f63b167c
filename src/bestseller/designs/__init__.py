"""From trained models to a ranked, diverse shortlist of designs, each with its evidence."""
