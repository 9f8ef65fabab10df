"""The process ``history``: historian, audit and verification; it alone opens ClickHouse."""
