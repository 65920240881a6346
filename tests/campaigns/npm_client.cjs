// One worker: the `SyncStorageRunner` of testit-js-commons, as it is. Each line of stdin calls one of its methods, each
// line of stdout says what came of it. Started in the folder that the package is installed in.
const { createRequire } = require("module");
const { createInterface } = require("readline");

const installed = createRequire(`${process.cwd()}/package.json`);
const { SyncStorageRunner, toTestResultCutModel } = installed("testit-js-commons/lib/services/syncstorage");
const [, , testRunId, port] = process.argv;
const runner = new SyncStorageRunner(testRunId, {
  url: "https://tms.example.com",
  privateToken: "s3cr3t-t0k3n",
  syncStoragePort: port,
});
const others = {
  version: () => SyncStorageRunner.VERSION,
  send: (externalId) =>
    runner.sendInProgressTestResult(
      toTestResultCutModel({ autoTestExternalId: externalId, outcome: "Passed", startedOn: new Date() }, "project-1")
    ),
};

async function work() {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...rest] = JSON.parse(line);
    const began = performance.now();
    const result = await (others[name] ?? runner[name].bind(runner))(...rest);
    const answer = { result: result ?? null, s: (performance.now() - began) / 1000, master: runner.isMasterWorker() };
    console.log(`ANSWER ${JSON.stringify({ ...answer, pid: runner.workerPid })}`);
  }
}

work();
