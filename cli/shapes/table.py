"""Which command prints which shape with `--json`."""

from typing import Any, NamedTuple

from . import answers, collector, data, lake, logs, reports, services, sessions


class JsonOutput(NamedTuple):
    """Output of a command with `--json`."""

    shape: Any
    by_line: bool = False
    """One such document a line, instead of one in all."""


OUTPUTS: dict[str, JsonOutput] = {
    "": JsonOutput(answers.OverviewShape),
    "session list": JsonOutput(sessions.SessionList),
    "session show": JsonOutput(sessions.SessionDetailsShape),
    "session rerun": JsonOutput(sessions.RerunShape),
    "session play": JsonOutput(sessions.PlayedSessionShape),
    "session compare": JsonOutput(answers.ComparisonShape),
    "history list": JsonOutput(answers.HistoryShape),
    "sut list": JsonOutput(list[answers.SutShape]),
    "sut show": JsonOutput(answers.SummaryShape),
    "sut compare": JsonOutput(answers.ComparisonShape),
    "sut analyze": JsonOutput(answers.AnalysisShape),
    "test list": JsonOutput(answers.TestListShape),
    "test show": JsonOutput(answers.KnownTestShape),
    "test history": JsonOutput(answers.TestRunsShape),
    "test trends": JsonOutput(answers.TrendsShape),
    "analytics summary": JsonOutput(answers.SummaryShape),
    "analytics compare": JsonOutput(answers.ComparisonShape),
    "analytics analyze": JsonOutput(answers.AnalysisShape),
    "analytics failures": JsonOutput(answers.FailuresShape),
    "report": JsonOutput(reports.ReportShape),
    "sql": JsonOutput(services.SqlAnswer),
    "profile list": JsonOutput(list[services.ProfileShape]),
    "profile show": JsonOutput(services.ProfileShape),
    "profile create": JsonOutput(services.CreatedProfileShape),
    "profile switch": JsonOutput(services.SwitchedShape),
    "profile delete": JsonOutput(services.DeletedProfilesShape),
    "profile clean": JsonOutput(services.CleanedProfilesShape),
    "profile merge": JsonOutput(list[logs.ImportedFileShape]),
    "export": JsonOutput(logs.ExportedShape),
    "import": JsonOutput(list[logs.ImportedPathShape]),
    "clear": JsonOutput(logs.ClearedShape),
    "restore": JsonOutput(logs.Restored),
    "merge": JsonOutput(logs.MergedShape),
    "lake export": JsonOutput(lake.LakeExportShape),
    "log verify": JsonOutput(list[logs.VerifiedLogShape]),
    "log info": JsonOutput(list[logs.LogInfoShape]),
    "log repair": JsonOutput(logs.RepairShape),
    "log collect": JsonOutput(list[logs.CollectedShape]),
    "log pack": JsonOutput(logs.PackedShape),
    "log unpack": JsonOutput(logs.UnpackedShape),
    "log purge": JsonOutput(logs.PurgedShape),
    "sync": JsonOutput(collector.SyncAnswer),
    "serve": JsonOutput(collector.ServingShape),
    "keys create": JsonOutput(collector.MadeKeyShape),
    "keys list": JsonOutput(list[collector.KeyShape]),
    "keys revoke": JsonOutput(collector.RevokedKeyShape),
    "teams list": JsonOutput(list[collector.TeamShape]),
    "teams create": JsonOutput(collector.TeamShape),
    "teams set": JsonOutput(collector.TeamShape),
    "db upgrade": JsonOutput(collector.UpgradedSchemaShape),
    "db check": JsonOutput(collector.CheckedDatabaseShape),
    "db move-segments": JsonOutput(collector.MovedSegmentsShape),
    "db backup": JsonOutput(collector.BackupShape),
    "db restore": JsonOutput(collector.RestoredBackupShape),
    "db rebuild": JsonOutput(list[collector.RebuiltViewsShape]),
    "db grant": JsonOutput(collector.GrantShape),
    "db retention": JsonOutput(list[collector.ExpiredShape]),
    "sync-storage status": JsonOutput(services.ServiceShape),
    "sync-storage install": JsonOutput(services.InstalledShape),
    "sync-storage stop": JsonOutput(services.StoppedServiceShape),
    "data list": JsonOutput(list[data.TestDataShape]),
    "data show": JsonOutput(data.TestDataDetailsShape),
    "data history": JsonOutput(list[data.DataEventShape]),
    "data locks": JsonOutput(list[data.LockShape]),
    "data conflicts": JsonOutput(list[data.ConflictShape]),
    "data snapshots": JsonOutput(list[data.SnapshotShape]),
    "data reap": JsonOutput(data.ReapedShape),
    "data health": JsonOutput(data.HealthShape),
    "tail": JsonOutput(logs.EventLineShape, by_line=True),
    "replay": JsonOutput(list[logs.ReplayShape]),
}
"""By the words of the command, none for `insight` alone; `sync-storage status --follow` prints one document a line."""
