"""The rows of the table, in its order."""

from bench.rows import audit, cobrowse, directory, factors, load, openid, page, people, servers, whole
from bench.rows.base import Bed, Row

ROWS: tuple[Row, ...] = (
    *load.ROWS,
    *directory.ROWS,
    *factors.ROWS,
    *whole.ROWS,
    *page.ROWS,
    *audit.ROWS,
    *cobrowse.ROWS,
    *openid.ROWS,
    *people.ROWS,
    *servers.ROWS,
)
__all__ = ["ROWS", "Bed", "Row"]
