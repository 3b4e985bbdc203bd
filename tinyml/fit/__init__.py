"""`--fit`: the best student for a target, by what the exporter says of each candidate."""
