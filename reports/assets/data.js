// The data of the report: see reports/grid.py for the layout of the block.
const SESSION = ['id', 'commit', 'branch', 'variant', 'at', 'took', 'state', 'counts', 'mark', 'whole', 'short', 'link'];
let data = null;

async function readData() {
  if (typeof DecompressionStream === 'undefined') throw new Error('this browser cannot unpack the data');
  const packed = Uint8Array.from(atob(byId('data').textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const rows = head.sessions.map((row, number) => Object.fromEntries([['number', number], ...SESSION.map((name, at) => [name, row[at]])]));
  const size = head.tests.length * rows.length, start = 4 + length;
  return prepare({...head, sessions: rows, count: rows.length, results: bytes.subarray(start, start + size), steps: bytes.subarray(start + size, start + 2 * size)});
}

function prepare(made) {
  made.marks = [null, ...made.marks.map(([word, path, kind, meaning, color]) => ({word, path, kind, meaning, color}))];
  made.markOf = new Map(made.marks.slice(1).map((mark) => [mark.word, mark]));
  made.numberOf = new Map(made.tests.map((id, number) => [id, number]));
  made.sessionOf = new Map(made.sessions.map((session) => [session.id, session]));
  made.clusterOf = new Map(made.clusters.map(([key], number) => [key, number]));
  made.cellCluster = new Map();
  for (let at = 0; at < made.cells.length; at += 3) made.cellCluster.set(made.cells[at] * made.count + made.cells[at + 1], made.cells[at + 2]);
  for (const name of ['broken', 'flaky', 'slower', 'outages']) made[name] = new Set(made[name]);
  made.isBad = made.marks.map((mark) => Boolean(mark && mark.kind === 'bad'));
  made.isGood = made.marks.map((mark) => Boolean(mark && mark.kind === 'good'));
  made.columns = made.sessions.filter((session) => !made.branches.length || !session.branch || made.branches.includes(session.branch));
  made.lower = made.tests.map((id) => id.toLowerCase());
  return made;
}

const codeAt = (test, session) => data.results[test * data.count + session];

function durationsOf(test) {
  const found = new Array(data.count).fill(null);
  let last = 0;
  for (let session = 0; session < data.count; session++) {
    const step = data.steps[test * data.count + session];
    if (!step) continue;
    last = (last + step) % 255 || 255;
    found[session] = data.least_s * data.step ** (last - 1);
  }
  return found;
}

const clusterAt = (test, session) => data.cellCluster.get(test * data.count + session);

function runsOf(test, sessions) {
  return sessions.filter((session) => codeAt(test, session.number));
}
