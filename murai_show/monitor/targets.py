"""Where Prometheus finds a show: what `--target` says, else the show's own `metrics:`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from murai_show.errors import UsageError
from murai_show.monitor.watched import HERE, Watched
from murai_show.show.planned import Plan
from murai_show.show.words import Address, parse_address


def watch(plans: Sequence[Plan], targets: Sequence[str], every: float) -> tuple[Watched, ...]:
    """Each plan with its targets.  Raises UsageError with all that is wrong, a line each."""
    troubles: list[str] = []
    told = _told(plans, targets, troubles)
    watched = tuple(Watched(plan, tuple(_targets(plan, told)), every) for plan in plans)
    troubles += [
        *(f"{name} is given twice; give each show once" for name in _twice(plans)),
        *(
            f"{plan.show}: nothing can be read, its metrics are off; write metrics: 127.0.0.1:9475"
            for plan in plans
            if plan.metrics is None
        ),
        *_shared(watched),
    ]
    if troubles:
        raise UsageError("\n".join(troubles))
    return watched


def _twice(plans: Sequence[Plan]) -> list[str]:
    counts = Counter(plan.show for plan in plans)
    return [name for name, count in counts.items() if count > 1]


def _told(
    plans: Sequence[Plan], targets: Sequence[str], troubles: list[str]
) -> Mapping[str, list[str]]:
    """`HOST:PORT` where there is one show, else `SHOW=HOST:PORT` → targets by show."""
    found: dict[str, list[str]] = {}
    names = [plan.show for plan in plans]
    for target in targets:
        name, mark, address = target.rpartition("=")
        if not mark and len(names) > 1:
            troubles.append(f"--target {target}: which show? write {names[0]}={target}")
        elif mark and name not in names:
            troubles.append(f"--target {target}: no show {name!r}; there are: {', '.join(names)}")
        else:
            try:
                found.setdefault(name or names[0], []).append(str(parse_address(address)))
            except ValueError as error:
                troubles.append(f"--target {target}: {error}")
    return found


def _targets(plan: Plan, told: Mapping[str, list[str]]) -> Iterator[str]:
    if plan.show in told:
        yield from dict.fromkeys(told[plan.show])
    elif plan.metrics is not None:
        host = HERE.get(plan.metrics.host, plan.metrics.host)
        yield str(Address(host, plan.metrics.port))


def _shared(watched: Sequence[Watched]) -> Iterator[str]:
    """One address is one show."""
    owners: dict[str, str] = {}
    for each in watched:
        for target in each.targets:
            other = owners.setdefault(target, each.show)
            if other != each.show:
                yield (
                    f"{other} and {each.show} would both be read at {target}; say where each is: "
                    f"--target {each.show}=HOST:PORT, or give it a port of its own in `metrics:`"
                )
