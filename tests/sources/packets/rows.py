"""Rows of a batch, by their measurement."""


def row(tables, measurement_id):
    return tables.photometry.set_index("measurement_id").loc[measurement_id]


def values(tables):
    return dict(zip(tables.facts["key"], tables.facts["value"], strict=True))
