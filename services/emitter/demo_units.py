"""The units of the simulated district: those of the decision, as if nothing had changed since.

The real ones were abolished on 1 July 2025, and some of their codes went to other communes. An
invented district goes on in whatever year it is shown; its data folder says so, in a registry file
of its own that counts before the shipped one.
"""

import os
import time
from datetime import date
from pathlib import Path

from schemas.registry import FOR_EVER, Registry, Unit, load_registry, units_toml
from services.emitter.client import GatewayClient
from services.emitter.offices import DESKS, OFFICES

_THEN = date(2023, 2, 1)
"""When the decision was made."""
_SOURCE = "minh họa: huyện mô phỏng coi như chưa sắp xếp lại đơn vị"
_KNOWN_WITHIN_S = 15.0
_POLL_S = 0.2


def continued(registry: Registry) -> tuple[Unit, ...]:
    """The simulated units for all time, as far as the registry ends them; by code."""
    found = []
    for code in sorted(OFFICES.keys() | DESKS.keys()):
        unit = registry.unit(code, _THEN)
        if unit is not None and (unit.valid_to != FOR_EVER or unit.source == _SOURCE):
            change = {
                "valid_to": FOR_EVER,
                "became": (),
                "illustrative": True,
                "source": _SOURCE,
            }
            found.append(unit.model_copy(update=change))
    return tuple(found)


def invented(registry: Registry) -> Registry:
    """The registry with the simulated district in it."""
    return Registry((*registry.units, *continued(registry)), registry.procedures)


def registry_of_demo(data: Path) -> Registry:
    """The data folder's registry, with the simulated district written into it."""
    folder = data / "registry"
    text = units_toml(continued(load_registry(folder)))
    file = folder / "demo.toml"
    folder.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(f"# made by the demonstration: invented from 2025-07-01 on\n{text}", "utf-8")
    part.replace(file)
    return load_registry(folder)


def are_known(client: GatewayClient, registry: Registry) -> bool:
    """Wait until the gateway, which looks once a second, calls the units by these names."""
    wanted = {unit.code: unit.name for unit in registry.units if unit.source == _SOURCE}
    deadline = time.monotonic() + _KNOWN_WITHIN_S
    while not wanted.items() <= client.units().items():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
