"""Join the parts of consecutive stretches of a log."""

import msgspec

from .parts import NOTES_MAX, Fold, Rows, SessionPart


def settle_dirty(part: SessionPart) -> SessionPart:
    """Put what git answered after the header into the header, where the views look for it."""
    vcs = (part.header or {}).get("vcs")
    if part.header is not None and part.dirty is not None and isinstance(vcs, dict):
        part.header = {**part.header, "vcs": {**vcs, "dirty": part.dirty}}
    return part


def join(first: SessionPart, second: SessionPart) -> SessionPart:
    """Return the part of two stretches of a stream; `second` follows `first` in the log.

    Events of `second` that `first` has already (by `seq`) must have been left out, see `repeats`.
    """
    workers, second_rows = _join_workers(first.workers, second)
    closed = set(first.open) & set(second.finished_early)
    opened = [key for key in first.open if key not in closed]
    still_early = [key for key in second.finished_early if key not in closed]
    part = SessionPart(
        stream=first.stream,
        events=first.events + second.events,
        first_seq=min(filter(_is_seq, (first.first_seq, second.first_seq)), default=-1),
        last_seq=max(first.last_seq, second.last_seq),
        first_at=min(filter(None, (first.first_at, second.first_at)), default=""),
        last_at=max(first.last_at, second.last_at),
        header=first.header if first.header is not None else second.header,
        header_at=first.header_at if first.header is not None else second.header_at,
        rows=join_rows(first.rows, second_rows),
        workers=workers,
        last_finished_seq=max(first.last_finished_seq, second.last_finished_seq),
        finished=first.finished + second.finished,
        starts=first.starts + second.starts,
        others=first.others | second.others,
        open=[*opened, *second.open],
        finished_early=[*first.finished_early, *still_early],
        counts=_sum(first.counts, second.counts),
        reruns=first.reruns + second.reruns,
        crashed=first.crashed + second.crashed,
        outcomes=_sum(first.outcomes, second.outcomes),
        announced=_behind(first.announced, second.announced),
        announced_at=first.announced_at + second.announced_at,
        announced_each=first.announced_each or second.announced_each,
        deselected=first.deselected + second.deselected,
        subtests=_sum(first.subtests, second.subtests),
        collect_failed=first.collect_failed + second.collect_failed,
        outputs=first.outputs + second.outputs,
        dirty=first.dirty if second.dirty is None else second.dirty,
        properties=first.properties + second.properties,
        notes=(first.notes + second.notes)[:NOTES_MAX],
        warnings=first.warnings + second.warnings,
        warned=list(dict.fromkeys([*first.warned, *second.warned])),
        lost_workers=first.lost_workers + second.lost_workers,
        dropped=max(first.dropped, second.dropped),
        exit_status=first.exit_status if first.exit_status is not None else second.exit_status,
        duration_us=first.duration_us or second.duration_us,
        interrupted=first.interrupted or second.interrupted,
        internal_error=first.internal_error or second.internal_error,
        seal_count=max(first.seal_count, second.seal_count),
        unknown=first.unknown + second.unknown,
        malformed=first.malformed + second.malformed,
    )
    return settle_dirty(part)


def repeats(first: SessionPart, second: SessionPart) -> bool:
    """Return whether `second` has a seq within the span of `first`: it may repeat events, which are not added twice."""
    return second.first_seq <= first.last_seq


def join_folds(first: Fold, second: Fold) -> tuple[Fold, list[str]]:
    """Join two folds; also return the streams that could not be joined, because they may repeat events."""
    doubtful: list[str] = []
    parts = dict(first.parts)
    for stream, part in second.parts.items():
        known = parts.get(stream)
        if known is None:
            parts[stream] = part
        elif repeats(known, part):
            doubtful.append(stream)
        else:
            parts[stream] = join(known, part)
    changes = {stream: list(found) for stream, found in first.changes.items()}
    for stream, found in second.changes.items():
        changes.setdefault(stream, []).extend(found)
    purged = [*first.purged, *second.purged]
    return Fold(parts=parts, changes=changes, purged=purged, events=first.events + second.events), doubtful


def join_rows(first: Rows, second: Rows) -> Rows:
    """Put the columns of two parts behind each other."""
    workers = b""
    if first.workers or second.workers:
        workers = (first.workers or bytes(len(first))) + (second.workers or bytes(len(second)))
    return Rows(
        nodes=first.nodes + second.nodes,
        outcomes=first.outcomes + second.outcomes,
        durations=first.durations + second.durations,
        positions=first.positions + second.positions,
        attempts=first.attempts + second.attempts,
        workers=workers,
    )


def _join_workers(known: list[str], part: SessionPart) -> tuple[list[str], Rows]:
    """Number the workers of a later part as the earlier one does."""
    if part.workers == known or not len(part.rows):
        return known, part.rows
    workers = list(known)
    for worker in part.workers:
        if worker not in workers:
            workers.append(worker)
    numbers = [min(workers.index(worker), 255) for worker in part.workers]
    column = bytes(numbers[index] for index in part.rows.workers or bytes(len(part.rows)))
    return workers, msgspec.structs.replace(part.rows, workers=column)


def _behind(first: dict[str, bytes], second: dict[str, bytes]) -> dict[str, bytes]:
    """Put the columns of two parts behind each other."""
    return {name: first.get(name, b"") + second.get(name, b"") for name in {**first, **second}}


def _is_seq(seq: int) -> bool:
    return seq >= 0


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    total = dict(first)
    for name, count in second.items():
        total[name] = total.get(name, 0) + count
    return total
