"""Profiles, files and stores: export, import, merge, clear, restore."""

# pyright: reportUnusedImport=false
# The imports are for type checkers; `load_lazily` serves the same names.

from typing import TYPE_CHECKING

from .lazy import load_lazily

if TYPE_CHECKING:
    from ...core.exchange.export import export_to, replacing
    from ...core.exchange.formats import FORMATS, format_of
    from ...core.exchange.hiding import clear, restore
    from ...core.exchange.importing import ImportReport, import_file, parse_strategy
    from ...core.exchange.lookup import (
        any_streams_of,
        candidates_of,
        full_sut_name,
        hidden_sessions,
        store_of,
        streams_of,
    )
    from ...core.exchange.merge_output import write_merged
    from ...core.exchange.profile_info import ProfileInfo, describe, profiles_with
    from ...core.exchange.store import SessionStore
    from ...core.exchange.transfer import merge_store
    from ...core.own_files import check_output, check_replacing
    from ...eventlog.merging.merger import InputReport, Merger, MergeReport
    from ...eventlog.merging.staging import staging
    from ...eventlog.merging.temporary import merge_to_temporary
    from ...interchange.exporters.registry import ExportOptions, export_foreign, foreign_format_of
    from ...interchange.importers.protocol import XmlLimits
    from ...interchange.importers.values import parse_moment, parse_zone
    from ...interchange.importing import import_path
    from ...interchange.inputs.limits import ImportLimits, parse_size
    from ...interchange.inputs.naming import PathPattern
    from ...interchange.reading import ForeignOptions
    from ...interchange.report import ImportedFiles

_MODULES = {
    "...core.exchange.export": "export_to replacing",
    "...core.exchange.formats": "FORMATS format_of",
    "...core.exchange.hiding": "clear restore",
    "...core.exchange.importing": "ImportReport import_file parse_strategy",
    "...core.exchange.lookup": "any_streams_of candidates_of full_sut_name hidden_sessions store_of streams_of",
    "...core.exchange.merge_output": "write_merged",
    "...core.exchange.profile_info": "ProfileInfo describe profiles_with",
    "...core.exchange.store": "SessionStore",
    "...core.exchange.transfer": "merge_store",
    "...core.own_files": "check_output check_replacing",
    "...eventlog.merging.merger": "InputReport MergeReport Merger",
    "...eventlog.merging.staging": "staging",
    "...eventlog.merging.temporary": "merge_to_temporary",
    "...interchange.exporters.registry": "ExportOptions export_foreign foreign_format_of",
    "...interchange.importers.protocol": "XmlLimits",
    "...interchange.importers.values": "parse_moment parse_zone",
    "...interchange.importing": "import_path",
    "...interchange.inputs.limits": "ImportLimits parse_size",
    "...interchange.inputs.naming": "PathPattern",
    "...interchange.reading": "ForeignOptions",
    "...interchange.report": "ImportedFiles",
}

__getattr__ = load_lazily(__name__, _MODULES)
