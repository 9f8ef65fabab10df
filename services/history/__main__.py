"""``python -m services.history``: reads the environment once, serves until it is told to stop."""

import sys

import structlog

from services.clickhouse import ClickHouseUnavailable, MigrationError
from services.history.app import build_history, prepare
from services.logs import configure_logs
from services.settings import Settings
from services.web import serve


def main() -> int:
    settings = Settings()
    configure_logs(settings.log_format)
    try:
        applied = prepare(settings)
    except (ClickHouseUnavailable, MigrationError) as error:
        structlog.get_logger().error("history_cannot_start", why=str(error))
        return 1
    for name in applied:
        structlog.get_logger().info("migration_applied", name=name)
    serve(build_history(settings), settings.host, settings.port + 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
