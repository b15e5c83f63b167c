"""What the report page shows: the section report."""

from bestseller.params.section import Section


class Report(Section):
    title: str
