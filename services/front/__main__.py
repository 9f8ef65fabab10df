"""``python -m services.front``: reads the environment once, serves until it is told to stop."""

from services.front.app import build_front
from services.logs import configure_logs
from services.settings import Settings
from services.web import serve


def main() -> None:
    settings = Settings()
    configure_logs(settings.log_format)
    front = build_front(settings)
    serve(front.app, settings.host, settings.port, before_exit=front.before_exit)


if __name__ == "__main__":
    main()
